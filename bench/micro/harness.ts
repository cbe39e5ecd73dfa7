/** One operation measured alone. */
export interface Case {
  readonly name: string;
  /** Does the operation `times` times; the result keeps the compiler from removing it. */
  run(times: number): unknown;
  /** For what a measurement needs removed afterwards. */
  close?(): void;
}

const sampleMs = 15;
const samples = 25;

/** Microseconds per operation: the best and the middle of the samples. */
export interface Timing {
  readonly name: string;
  readonly bestUs: number;
  readonly medianUs: number;
}

function timed(each: Case, times: number): number {
  const began = performance.now();
  sink = each.run(times);
  return performance.now() - began;
}

/** Read by nobody, written so that results are used. */
export let sink: unknown;

/** Runs a case until the compiler has optimised it, then in samples of about 15 ms. */
export function time(each: Case): Timing {
  let times = 1;
  for (let ms = timed(each, times); ms < sampleMs; ms = timed(each, times))
    times = Math.ceil(times * Math.min(10, Math.max(1.5, sampleMs / Math.max(ms, 0.01))));
  const us = Array.from({ length: samples }, () => (timed(each, times) * 1000) / times).sort((a, b) => a - b);
  return { name: each.name, bestUs: us[0]!, medianUs: us[samples >> 1]! };
}
