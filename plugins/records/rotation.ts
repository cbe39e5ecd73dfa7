import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { RecordConflict, type StoredRecord } from './contract.ts';
import type { Envelope } from './envelope.ts';
import type { Outdated, RecordKeeper } from './keeper.ts';

export interface RotationOptions {
  readonly keeper: RecordKeeper;
  readonly envelope: Envelope;
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'info'>;
  readonly signal: AbortSignal;
  /** Milliseconds between two documents, so that calls go on beside it. */
  readonly pause?: number;
  /** Milliseconds before a store that failed is tried again. */
  readonly retry?: number;
}

/** Documents after which those who hold them are told. */
const batch = 50;
/** For one document that others change at the same time. */
const mostTries = 3;

/**
 * Wraps the data keys of documents that are under a previous key anew, one by one; each is one write, so that it may end anywhere and
 * begin again. Only what was there when it started: two replicas with swapped keys would otherwise undo each other's work for ever.
 * Resolves with the number of documents it wrote; never rejects.
 */
export async function rotate({ keeper, envelope, log, signal, pause = 2, retry = 5_000 }: RotationOptions): Promise<number> {
  const waiting = shared([...keeper.outdated.keys()]);
  if (waiting.length === 0) return 0;
  log.info({ documents: waiting.length }, 'documents are under a previous encryption key: their keys are wrapped anew');
  let done = 0;
  let told = false;
  let written: StoredRecord[] = [];
  const tell = (): void => {
    keeper.written(written);
    written = [];
  };
  for (let at = 0, tries = 0; at < waiting.length && !signal.aborted; ) {
    const next = again(keeper.outdated.get(waiting[at]!), envelope);
    try {
      if (next !== null) {
        await keeper.put(next);
        written.push(next);
        done++;
      }
      at++;
      tries = 0;
    } catch (error) {
      if (error instanceof RecordConflict) {
        // Changed by another process, which may have the previous key: looked at again, a few times.
        await keeper.refresh().catch(() => {});
        if (++tries < mostTries) continue;
        at++;
        tries = 0;
      } else {
        if (!told) log.warn({ err: error }, 'data keys cannot be wrapped anew: it is tried again');
        told = true;
        await wait(retry, signal);
      }
    }
    if (written.length >= batch) tell();
    await wait(pause, signal);
  }
  tell();
  if (!signal.aborted) log.info({ documents: done }, 'documents are under the encryption key in use');
  return done;
}

function again(outdated: Outdated | undefined, envelope: Envelope): StoredRecord | null {
  if (outdated === undefined) return null;
  const { record } = outdated;
  const sealed = envelope.rewrap(record, record.sealed);
  return sealed === null ? null : { ...record, version: record.version + 1, sealed };
}

/** From another place in each process, so that replicas share the work instead of meeting at every document. */
function shared(places: readonly string[]): readonly string[] {
  const start = process.pid % Math.max(1, places.length);
  return [...places.slice(start), ...places.slice(0, start)];
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {});
}
