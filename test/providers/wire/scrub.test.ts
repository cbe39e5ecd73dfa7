import { describe, expect, it } from 'vitest';
import { scrub, secretsOf } from '../../../providers/wire/scrub.ts';

describe('scrub', () => {
  it.each([
    ['Incorrect API key provided: sk-proj-abcdefgh12345678.', 'sk-proj'],
    ['Incorrect API key provided: sk-abc***********wxyz. Try again.', 'sk-abc'],
    ['key AIzaSyA1234567890abcdefghijk is bad', 'AIza'],
    ['gsk_abcdefgh123456 expired', 'gsk_'],
    ['xai-abcdefgh123456 expired', 'xai-'],
    ['Authorization: Bearer abc.def.ghi', 'abc.def'],
    ['invalid x-api-key: tok12345', 'tok12345'],
    ['digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '9f86d081'],
    ['blob QmFzZTY0IGVuY29kZWQgc2VjcmV0IGtleSBtYXRlcmlhbA==', 'QmFzZTY0'],
  ])('A6: takes the credential out of %j', (text, secret) => {
    const clean = scrub(text);
    expect(clean).not.toContain(secret);
    expect(clean).toContain('[redacted]');
  });

  it.each([
    'The model `meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8` does not exist.',
    'accounts/fireworks/models/llama4-scout-instruct-basic is not deployed',
    'Unsupported parameter: max_completion_tokens. Use max_tokens instead.',
    'Expected a value between 0 and 2, but got 2.5 instead; key-value pairs are limited to 16.',
  ])('leaves ordinary words alone: %s', (text) => {
    expect(scrub(text)).toBe(text);
  });

  it('takes URLs out', () => {
    expect(scrub('see https://api.example.test/v1/x?key=abc for more')).toBe('see for more');
  });

  it('puts one line out of control characters and direction marks', () => {
    expect(scrub('a\u0000b\r\n\tc\u202ed\u001b[31m')).toBe('a b c d [31m');
  });

  it('keeps at most 500 characters and no half of a pair', () => {
    const clean = scrub('\u{1f600}'.repeat(600));
    expect(clean.length).toBeLessThanOrEqual(500);
    expect(clean).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
  });

  it('is linear in hostile text', () => {
    const start = performance.now();
    for (const unit of ['<', '<a', '://', 'bearer ', 'sk-', 'A1', '<script>', ' ']) scrub(unit.repeat(100_000));
    expect(performance.now() - start).toBeLessThan(500);
  });

  it('knows a credential with and without its scheme', () => {
    const secrets = secretsOf({ authorization: 'Bearer hunter2hunter2', 'x-org': 'org-name' });
    expect(scrub('token hunter2hunter2 of org-name', secrets)).toBe('token [redacted] of [redacted]');
  });
});
