import { createHmac, hash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import { digestOf, fingerprintOf, Secret, SecretIndex } from '../../../plugins/identity/secret-index.ts';
import { keyPrefix, newSecret } from '../../../plugins/identity/token.ts';

const pepper = Buffer.alloc(32, 7);
const secret = newSecret(keyPrefix);

function indexOf(secrets: readonly string[], until = Infinity, now?: () => number): SecretIndex<string> {
  const index = new SecretIndex<string>(keyPrefix, pepper, now);
  for (const each of secrets) index.add(new Secret(digestOf(pepper, fingerprintOf(each)), each, until));
  return index;
}

test('finds whose a secret is, every time', () => {
  const index = indexOf([secret, 'another-secret-of-bob-1']);
  for (let times = 0; times < 3; times++) {
    expect(index.find(secret)).toBe(secret);
    expect(index.find('another-secret-of-bob-1')).toBe('another-secret-of-bob-1');
  }
});

test('security 4: the digest of a key is HMAC-SHA-256(pepper, SHA-256(key))', () => {
  const expected = createHmac('sha256', pepper)
    .update(hash('sha256', secret, 'buffer'))
    .digest();
  expect(digestOf(pepper, fingerprintOf(secret))).toEqual(expected);
});

test('security 4: neither the hash of a key nor its digest is accepted as a key', () => {
  const index = indexOf([secret]);
  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    expect(index.find(hash('sha256', secret, encoding))).toBeNull();
    expect(index.find(digestOf(pepper, fingerprintOf(secret)).toString(encoding))).toBeNull();
  }
});

test.each(['__proto__', 'constructor', 'toString', '', 'x', 'short-of-twenty-char'])('%j is no key', (text) => {
  expect(indexOf([secret]).find(text)).toBeNull();
});

test('security 3: malformed keys are refused without being looked up', () => {
  const index = indexOf([secret]);
  const digest = digestOf(pepper, fingerprintOf(secret)).toString('base64');
  const looked = vi.spyOn(Map.prototype, 'get');
  /** How often the map that has the good key's digest was asked. */
  const lookups = (key: string) => {
    looked.mockClear();
    index.find(key);
    return looked.mock.contexts.filter((each) => (each as Map<unknown, unknown>).has(digest)).length;
  };
  const seen = [lookups(`${keyPrefix}${'a'.repeat(49)}`), lookups(`${secret}0`), lookups('short'), lookups(newSecret(keyPrefix))];
  looked.mockRestore();
  expect(seen).toEqual([0, 0, 0, 1]);
});

test('a secret with our prefix and without a checksum is found where the operator wrote one', () => {
  const written = 'sk-postern-written-by-hand-1';
  const index = indexOf([written]);
  expect(index.find(written)).toBeNull();
  const other = indexOf([written]);
  other.takeOdd();
  expect(other.find(written)).toBe(written);
});

test('a removed secret is not found again, presented before or not', () => {
  const index = new SecretIndex<string>(keyPrefix, pepper);
  const kept = new Secret(digestOf(pepper, fingerprintOf(secret)), 'a', Infinity);
  index.add(kept);
  expect(index.find(secret)).toBe('a');
  index.remove(kept);
  expect(index.find(secret)).toBeNull();
  expect(index.size).toBe(0);
});

test('a secret that was refused is found from the moment it is added', () => {
  const index = indexOf([]);
  expect(index.find(secret)).toBeNull();
  index.add(new Secret(digestOf(pepper, fingerprintOf(secret)), 'late', Infinity));
  expect(index.find(secret)).toBe('late');
});

test('the second owner of a secret is refused, and removing it leaves the first', () => {
  const index = indexOf([secret]);
  const second = new Secret(digestOf(pepper, fingerprintOf(secret)), 'second', Infinity);
  expect(index.add(second)).toBe(false);
  index.remove(second);
  expect(index.find(secret)).toBe(secret);
});

test('a secret is not taken from the millisecond its time is over, also when it was presented before', () => {
  let now = 999;
  const index = indexOf([secret], 1000, () => now);
  expect(index.find(secret)).toBe(secret);
  now = 1000;
  expect(index.find(secret)).toBeNull();
  expect(index.size).toBe(0);
});

test('with another pepper nothing of before is found', () => {
  const index = indexOf([secret]);
  index.find(secret);
  index.pepper = Buffer.alloc(32, 8);
  expect(index.find(secret)).toBeNull();
});

test('a key refused once stays refused, and a good one is still found after many refusals', () => {
  const index = indexOf([secret]);
  for (let calls = 0; calls < 5000; calls++) expect(index.find(`guessed-key-number-${calls}`)).toBeNull();
  expect(index.find('guessed-key-number-4999')).toBeNull();
  expect(index.find(secret)).toBe(secret);
});

test('security 7: a flood of random keys leaves memory flat', () => {
  const index = indexOf([secret]);
  const flood = (from: number) => {
    for (let calls = 0; calls < 30_000; calls++) index.find(`random-key-of-a-flood-${from + calls}`);
  };
  flood(0);
  const before = heapAfterCollection();
  flood(30_000);
  // 30,000 fingerprints would be above 3 MB.
  expect(heapAfterCollection() - before).toBeLessThan(1_500_000);
});

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
