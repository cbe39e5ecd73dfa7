// The text form of Prometheus metrics (exposition format 0.0.4): as much of it as the gateway writes.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All samples of one scrape. */
export class Scrape {
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
  readonly #byName = new Map<string, Sample[]>();

  constructor(text: string, at: number) {
    this.at = at;
    for (const line of text.split('\n')) {
      const sample = read(line);
      if (sample === null) continue;
      const known = this.#byName.get(sample.name);
      if (known === undefined) this.#byName.set(sample.name, [sample]);
      else known.push(sample);
    }
  }

  of(name: string): readonly Sample[] {
    return this.#byName.get(name) ?? [];
  }

  /** Sum of the samples whose labels have these values; null when there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number | null {
    const found = this.of(name).filter((sample) =>
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
    return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
  }

  /** Counts below each upper bound of a histogram, all its series together; ascending bounds. */
  buckets(name: string): readonly { readonly bound: number; readonly count: number }[] {
    const counts = new Map<number, number>();
    for (const { labels, value } of this.of(`${name}_bucket`)) {
      const bound = labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
      counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
    return [...counts].map(([bound, count]) => ({ bound, count })).sort((a, b) => a.bound - b.bound);
  }
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };
const words: Readonly<Record<string, number>> = {
  '+Inf': Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
  NaN: Number.NaN,
};

function read(text: string): Sample | null {
  if (text === '' || text.startsWith('#')) return null;
  const match = line.exec(text);
  if (match === null) return null;
  const [, name = '', written = '', number = ''] = match;
  const labels: Record<string, string> = Object.create(null);
  for (const [, key = '', value = ''] of written.matchAll(label))
    labels[key] = value.replace(/\\./g, (pair) => escapes[pair] ?? pair);
  return { name, labels, value: words[number] ?? Number(number) };
}

/** What a counter grew by between two scrapes. A process that started anew counts from 0. */
export function grown(before: Scrape, after: Scrape, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const [was, is] = [before.sum(name, labels) ?? 0, after.sum(name, labels) ?? 0];
  return is >= was ? is - was : is;
}

/**
 * A quantile (0 to 1) of what a histogram counted between two scrapes, by linear interpolation inside its bucket; null when it
 * counted nothing. What lies above the last bound is told as that bound.
 */
export function quantile(before: Scrape, after: Scrape, name: string, q: number): number | null {
  const was = new Map(before.buckets(name).map(({ bound, count }) => [bound, count]));
  const all = after.buckets(name);
  const restarted = all.some(({ bound, count }) => count < (was.get(bound) ?? 0));
  const counts = all.map(({ bound, count }) => ({ bound, count: count - (restarted ? 0 : (was.get(bound) ?? 0)) }));
  const total = counts.at(-1)?.count ?? 0;
  if (total <= 0) return null;
  const rank = q * total;
  let [low, below] = [0, 0];
  for (const { bound, count } of counts) {
    if (count >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return low;
      return count === below ? bound : low + ((bound - low) * (rank - below)) / (count - below);
    }
    [low, below] = [bound, count];
  }
  return low;
}
