import { Counter, type Registry } from 'prom-client';

/** Plain numbers since the start, by outcome. */
type Counts = Readonly<Record<string, number>>;

/** Counters of what is sent beside the first request of a call, read when scraped. */
export function besideSeries(registry: Registry, hedges: () => Counts, shadows: () => Counts): void {
  const family = (name: string, help: string, counts: () => Counts): void => {
    new Counter({
      name,
      help,
      labelNames: ['outcome'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(counts())) this.inc({ outcome }, count);
      },
    });
  };
  family(
    'postern_hedges_total',
    'Second requests beside slow ones: started; of those won or lost; not started because of the cap, or of the load.',
    hedges,
  );
  family(
    'postern_shadow_total',
    'Copies of calls: ok, failed, cancelled; not made because of their limit, of the load, or as the target was out.',
    shadows,
  );
}
