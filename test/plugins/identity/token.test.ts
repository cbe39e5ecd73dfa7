import { expect, test } from 'vitest';
import { adminPrefix, hintOf, isWellFormed, keyPrefix, newSecret } from '../../../plugins/identity/token.ts';

test('security 3: a new key is the prefix, 256 random bits and their checksum, in base62', () => {
  const secret = newSecret(keyPrefix);
  expect(secret).toMatch(/^sk-postern-[0-9A-Za-z]{49}$/);
  expect(isWellFormed(secret, keyPrefix)).toBe(true);
});

test('security 3: no two new keys are alike, and every place of the random part takes many values', () => {
  const secrets = Array.from({ length: 1000 }, () => newSecret(keyPrefix));
  expect(new Set(secrets).size).toBe(1000);
  // The first of 43 digits holds what 256 bits leave for it: the top digit of a base-62 number below 2^256.
  for (let place = 1; place < 43; place++) {
    expect(new Set(secrets.map((secret) => secret[keyPrefix.length + place])).size).toBeGreaterThan(55);
  }
});

test('security 3: one wrong character anywhere is seen by the checksum', () => {
  const secret = newSecret(keyPrefix);
  for (let place = 0; place < secret.length; place++) {
    const other = secret[place] === 'a' ? 'b' : 'a';
    expect(isWellFormed(secret.slice(0, place) + other + secret.slice(place + 1), keyPrefix)).toBe(false);
  }
});

test.each(['', 'sk-postern-', `${newSecret(keyPrefix)}0`, newSecret(keyPrefix).slice(0, -1), newSecret(adminPrefix)])(
  'is no key of ours: %j',
  (text) => {
    expect(isWellFormed(text, keyPrefix)).toBe(false);
  },
);

test('a hint is how a key of ours begins, and nothing of any other', () => {
  const secret = newSecret(keyPrefix);
  expect(hintOf(secret, keyPrefix)).toBe(`${secret.slice(0, 15)}…`);
  expect(hintOf('my-own-static-key-0123456789', keyPrefix)).toBeNull();
});
