import { createHmac } from 'node:crypto';
import { presentedKey } from '../../plugins/auth/credential.ts';
import { KeyRing } from '../../plugins/auth/key-ring.ts';
import type { Case } from './harness.ts';

const secret = (at: number) => `sk-postern-bench-${String(at).padStart(20, '0')}`;
const ring = new KeyRing(Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`key-${at}`, { secret: secret(at) }])));
const headers = Array.from({ length: 100 }, (_, at) => ({ authorization: `Bearer ${secret(at)}` }));

/** A key from its header to its principal, beside the keyed hash that a cached answer saves. */
export const authCases: readonly Case[] = [
  {
    name: 'HMAC-SHA-256 of a key',
    run(times) {
      let last: Buffer | null = null;
      for (let at = 0; at < times; at++) last = createHmac('sha256', 'pepper').update(secret(7)).digest();
      return last;
    },
  },
  {
    name: 'key authentication, 100 keys',
    run(times) {
      let found = 0;
      for (let at = 0; at < times; at++) if (ring.find(presentedKey(headers[at % 100]!)!) !== null) found++;
      return found;
    },
  },
];
