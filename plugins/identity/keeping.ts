import { changedMeanwhile, checkIfMatch } from '../admin/etag.ts';
import { GatewayError, NotFoundError, UnavailableError } from '../errors/index.ts';
import { type Collection, type Document, RecordConflict, RecordStoreError, type Records } from '../records/contract.ts';

const nouns: Partial<Record<Collection, string>> = { key: 'key', team: 'team', admin_key: 'admin key' };

/** 409: it may be asked for later, or elsewhere. */
export const conflict = (message: string, code: string, param: string | null = null): GatewayError =>
  new GatewayError(409, 'invalid_request_error', code, message, { param, shouldRetry: false });

/** 404, also for what belongs to someone else. */
export const absent = (collection: Collection): NotFoundError =>
  new NotFoundError(`There is no ${nouns[collection]} of this id.`, `${collection}_not_found`);

/** 409 for what is written in the configuration. */
export const configured = (collection: Collection): GatewayError =>
  conflict(`This ${nouns[collection]} is written in the configuration: change it there and restart.`, 'configured');

/** 503: nothing can be kept now. */
export const cannotKeep = (cause?: unknown): UnavailableError =>
  new UnavailableError(
    'Keys cannot be changed now: the store that keeps them does not answer. Nothing was changed for certain; look again before you repeat this.',
    'state_unavailable',
    { cause },
  );

/** Waits for a change to be kept. Rejects with `GatewayError`: 412 or 409 when another was faster, 503 when it cannot be kept. */
export async function keeping<T>(work: Promise<T>, ifMatch?: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RecordConflict) {
      throw ifMatch === undefined ? conflict('Someone else is changing this, too. Try again.', 'conflict') : changedMeanwhile();
    }
    if (error instanceof RecordStoreError) throw cannotKeep(error);
    throw error;
  }
}

/** The document of an id, in the version the caller has seen. Throws 404 and 412. */
export function documentOf<T>(records: Pick<Records, 'all'>, collection: Collection, id: string, ifMatch?: string): Document<T> {
  const document = records.all<T>(collection).get(id);
  if (document === undefined) throw absent(collection);
  checkIfMatch(ifMatch, document.version);
  return document;
}
