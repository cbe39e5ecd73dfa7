// Imported first: until the gateway handles signals itself, process 1 of a container ignores them (measured: SIGTERM in the
// first 0.3 s had no effect). Nothing has been taken yet, so leaving at once is leaving in order.

const signals = ['SIGTERM', 'SIGINT'] as const;

function leave(): void {
  process.exit(0);
}

/** Whether a signal ends the process at once; true from the import of this file on. */
export function startIsInterruptible(interruptible: boolean): void {
  for (const signal of signals) {
    if (interruptible) process.on(signal, leave);
    else process.removeListener(signal, leave);
  }
}

startIsInterruptible(true);
