import { createHmac } from 'node:crypto';
import { presentedKey } from '../../plugins/auth/credential.ts';
import { digestOf, fingerprintOf, Secret, SecretIndex } from '../../plugins/identity/secret-index.ts';
import { keyPrefix, newSecret } from '../../plugins/identity/token.ts';
import type { Case } from './harness.ts';

const most = 10_000;
const secrets = Array.from({ length: most }, () => newSecret(keyPrefix));
const headers = secrets.map((secret) => ({ authorization: `Bearer ${secret}` }));
const strangers = Array.from({ length: most }, () => newSecret(keyPrefix));

function indexOf(count: number): SecretIndex<number> {
  const pepper = Buffer.alloc(32, 7);
  const index = new SecretIndex<number>(keyPrefix, pepper);
  for (const [at, secret] of secrets.slice(0, count).entries()) {
    index.add(new Secret(digestOf(pepper, fingerprintOf(secret)), at, Infinity));
  }
  return index;
}

/** A key from its header to whose it is: every one of `count` in turn. */
function authentication(count: number): Case {
  const index = indexOf(count);
  return {
    name: `key authentication, ${count.toLocaleString('en')} keys`,
    run(times) {
      let found = 0;
      for (let at = 0; at < times; at++) if (index.find(presentedKey(headers[at % count]!)!) !== null) found++;
      return found;
    },
  };
}

/** The same ten keys again and again, as ten busy callers send them. */
function busy(count: number): Case {
  const index = indexOf(count);
  return {
    name: `key authentication, ten of ${count.toLocaleString('en')} keys`,
    run(times) {
      let found = 0;
      for (let at = 0; at < times; at++) if (index.find(presentedKey(headers[at % 10]!)!) !== null) found++;
      return found;
    },
  };
}

/** Keys that nobody has, more of them than are remembered. */
function unknown(count: number): Case {
  const index = indexOf(count);
  return {
    name: `refusal of an unknown key, ${count.toLocaleString('en')} keys`,
    run(times) {
      let refused = 0;
      for (let at = 0; at < times; at++) if (index.find(strangers[at % most]!) === null) refused++;
      return refused;
    },
  };
}

/** A key from its header to whose it is, beside the keyed hash that a cached answer saves. */
export const authCases: readonly Case[] = [
  {
    name: 'HMAC-SHA-256 of a key',
    run(times) {
      let last: Buffer | null = null;
      for (let at = 0; at < times; at++) last = createHmac('sha256', 'pepper').update(secrets[7]!).digest();
      return last;
    },
  },
  authentication(10),
  authentication(100),
  authentication(most),
  busy(10),
  busy(most),
  unknown(10),
  unknown(most),
];
