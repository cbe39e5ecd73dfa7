/**
 * The shortest of up to five measurements, milliseconds; no more are made once one is below `enough`. What a bound says is
 * about this process, and on a shared machine another one may hold the core during any single measurement.
 */
export async function fastest(enough: number, measure: () => number | Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5 && best >= enough; run++) best = Math.min(best, await measure());
  return best;
}

/** Milliseconds that `run` takes. */
export function timed(run: () => unknown): number {
  const before = performance.now();
  run();
  return performance.now() - before;
}
