/** A Ctrl-C under npm arrives twice, from the terminal and from npm, which passes its own on; a person is not that fast. */
const sameMs = 500;

export type StopSignal = 'SIGTERM' | 'SIGINT';
const signals: readonly StopSignal[] = ['SIGTERM', 'SIGINT'];

/**
 * Calls `first` for the first signal to stop and `second` for those after it, but not for the same one within half a second. The
 * listeners stay: between the end of one and the beginning of another the second SIGINT of a Ctrl-C killed the process
 * (5 of 6 times, with exit code 130 and calls cut off).
 */
export function onStop(first: (signal: StopSignal) => void, second: (signal: StopSignal) => void): void {
  let began: { readonly signal: StopSignal; readonly at: number } | null = null;
  for (const signal of signals) {
    process.on(signal, () => {
      if (began === null) {
        began = { signal, at: performance.now() };
        first(signal);
      } else if (began.signal !== signal || performance.now() - began.at >= sameMs) second(signal);
    });
  }
}
