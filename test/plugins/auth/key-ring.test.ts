import { hash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { KeyRing } from '../../../plugins/auth/key-ring.ts';

const secret = 'sk-postern-0123456789abcdefghij';

test('finds a key under the id of its name, every time', () => {
  const ring = new KeyRing({ alice: { secret }, bob: { secret: 'another-secret-of-bob-1' } });
  expect(ring.find(secret)).toEqual({ keyId: 'key_alice', name: 'alice', models: null, options: null });
  expect(ring.find(secret)).toBe(ring.find(secret));
  expect(ring.find('another-secret-of-bob-1')?.keyId).toBe('key_bob');
});

test('a key knows the options it may set; one that may set none is not one that says nothing', () => {
  const ring = new KeyRing({ alice: { secret, options: ['order'] }, bob: { secret: 'another-secret-of-bob-1', options: [] } });
  expect(ring.find(secret)?.options).toEqual(['order']);
  expect(ring.find('another-secret-of-bob-1')?.options).toEqual([]);
});

test('security 4: the hash of a key is not accepted as a key', () => {
  const ring = new KeyRing({ alice: { secret } });
  for (const encoding of ['hex', 'base64', 'base64url'] as const) expect(ring.find(hash('sha256', secret, encoding))).toBeNull();
});

test('a name that every object has is no key', () => {
  const ring = new KeyRing({ alice: { secret } });
  for (const name of ['__proto__', 'constructor', 'toString', '']) expect(ring.find(name)).toBeNull();
});

test('a key refused once stays refused, and a good one is still found after many refusals', () => {
  const ring = new KeyRing({ alice: { secret } });
  for (let calls = 0; calls < 5000; calls++) expect(ring.find(`guess-${calls}`)).toBeNull();
  expect(ring.find('guess-4999')).toBeNull();
  expect(ring.find(secret)?.name).toBe('alice');
});

test('security 7: a flood of random keys leaves memory flat', () => {
  const ring = new KeyRing({ alice: { secret } });
  const flood = (from: number) => {
    for (let calls = 0; calls < 30_000; calls++) ring.find(`random-key-${from + calls}`);
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
