import { Counter, type Metric, type Registry } from 'prom-client';

// prom-client builds a label key for every observation: measured 0.3 µs per inc and 0.45 µs per observe, 3.5 µs for the
// eight a settled exchange needs. Here a series is a plain object that its owner holds on to, and prom-client reads them
// all when it is scraped: 0.2 µs for the same exchange.

export type Labels = Readonly<Record<string, string>>;

/** One counter series. Only ever add to `value`. */
export interface CounterCell {
  value: number;
}

export interface FamilyOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly registry: Registry;
}

/** A counter whose series are cells; `scale` turns a cell's unit into the metric's. */
export function counterFamily(options: FamilyOptions & { readonly scale?: number }): (labels: Labels) => CounterCell {
  const { name, help, labelNames, registry, scale = 1 } = options;
  const series: { labels: Labels; cell: CounterCell }[] = [];
  new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, cell } of series) this.inc({ ...labels }, cell.value * scale);
    },
  });
  return (labels) => {
    const cell: CounterCell = { value: 0 };
    series.push({ labels, cell });
    return cell;
  };
}

/** One histogram series. */
export class HistogramCell {
  /** Observations per bucket, not cumulative; the last is above every bound. */
  readonly counts: number[];
  sum = 0;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** `value` in the metric's unit; what is not a number counts as 0, so that `sum` stays a number. */
  observe(value: number): void {
    const known = Number.isFinite(value) ? Math.max(value, 0) : 0;
    let at = 0;
    while (at < this.#bounds.length && known > this.#bounds[at]!) at++;
    this.counts[at]!++;
    this.sum += known;
  }
}

/** A histogram whose series are cells. `buckets` are upper bounds, ascending. */
export function histogramFamily(
  options: FamilyOptions & { readonly buckets: readonly number[] },
): (labels: Labels) => HistogramCell {
  const { name, help, registry, buckets } = options;
  const series: { labels: Labels; cell: HistogramCell }[] = [];
  const metric = {
    name,
    help,
    type: 'histogram',
    reset: () => undefined,
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: series.flatMap((each) => exported(name, each, buckets)),
    }),
  };
  // The registry asks a metric for its name and for get(); its type names the built-in classes only.
  registry.registerMetric(metric as unknown as Metric<string>);
  return (labels) => {
    const cell = new HistogramCell(buckets);
    series.push({ labels, cell });
    return cell;
  };
}

function exported(name: string, series: { labels: Labels; cell: HistogramCell }, buckets: readonly number[]) {
  const { labels, cell } = series;
  let total = 0;
  const values = cell.counts.map((count, at) => {
    total += count;
    return { metricName: `${name}_bucket`, labels: { le: buckets[at] ?? '+Inf', ...labels }, value: total };
  });
  return [
    ...values,
    { metricName: `${name}_sum`, labels: { ...labels }, value: cell.sum },
    { metricName: `${name}_count`, labels: { ...labels }, value: total },
  ];
}

/** What one label value stands for, made when first met. Values beyond `limit` share the one of `other`. */
export class LabelMap<V> {
  readonly #values = new Map<string, V>();
  readonly #create: (label: string) => V;
  readonly #limit: number;

  constructor(limit: number, create: (label: string) => V) {
    this.#limit = limit;
    this.#create = create;
  }

  get(label: string): V {
    return this.#values.get(label) ?? this.#add(label);
  }

  #add(label: string): V {
    const name = this.#values.size < this.#limit ? label : 'other';
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const value = this.#create(name);
    this.#values.set(name, value);
    return value;
  }
}
