import { createHash } from 'node:crypto';

/** A Lua script. All its keys have the same hash tag, so that it also runs in a cluster. */
export interface Script {
  readonly body: string;
  /** By which the server knows it (EVALSHA). */
  readonly sha: string;
}

export function script(body: string): Script {
  return { body, sha: createHash('sha1').update(body).digest('hex') };
}
