import { onTestFinished } from 'vitest';

type Close = () => unknown;
const leftovers: Close[] = [];

/** Runs `close` when the running test is over or, outside of one (in `beforeAll`), when its file is. */
export function whenDone(close: Close): void {
  try {
    onTestFinished(async () => {
      await close();
    });
  } catch {
    leftovers.push(close);
  }
}

/** The same for anything that has a `close`. */
export function opened<T extends { close(): unknown }>(thing: T): T {
  whenDone(() => thing.close());
  return thing;
}

/** Closes what `whenDone` was told outside of a test, newest first. `test/helper/after-file.ts` calls it after each file. */
export async function closeLeftovers(): Promise<void> {
  for (const close of leftovers.splice(0).reverse()) await close();
}
