import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecordConflict, RecordStoreError, type Records } from '../records/contract.ts';
import type { PepperDocument } from './documents.ts';

/** What digests of keys are made with. */
export interface Pepper {
  /** Kept with each digest. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Buffer;
  /** False: the documents could not be asked, and this one is of this process alone. */
  readonly kept: boolean;
}

type Store = Pick<Records, 'all' | 'create'>;

export const pepperId = 'pepper_1';
const pepperBytes = 32;
/** Another process has just made it; records hear of that within half a second. */
const waits = { times: 100, ms: 50 };

/** The pepper that is kept; null when there is none. */
export function keptPepper(records: Pick<Store, 'all'>): Pepper | null {
  const document = records.all<PepperDocument>('secret').get(pepperId);
  return document === undefined ? null : { id: pepperId, key: Buffer.from(document.value.pepper, 'base64'), kept: true };
}

/**
 * The pepper that is kept, else a new one that is kept from now on; of several processes that start at once the first one's. Null while
 * the documents cannot be read or written.
 */
export async function makePepper(records: Store): Promise<Pepper | null> {
  for (let times = 0; times < waits.times; times++) {
    const kept = keptPepper(records);
    if (kept !== null) return kept;
    try {
      if (times === 0) {
        const document: PepperDocument = { pepper: randomBytes(pepperBytes).toString('base64') };
        await records.create('secret', pepperId, document);
        return { id: pepperId, key: Buffer.from(document.pepper, 'base64'), kept: true };
      }
      await sleep(waits.ms);
    } catch (error) {
      if (error instanceof RecordStoreError) return null;
      if (!(error instanceof RecordConflict)) throw error;
    }
  }
  return null;
}

/** One for this process alone, until the documents can be asked. */
export const ownPepper = (): Pepper => ({ id: 'own', key: randomBytes(pepperBytes), kept: false });
