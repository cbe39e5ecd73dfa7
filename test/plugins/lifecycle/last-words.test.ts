import { describe, expect, it } from 'vitest';
import { lastWords, secretsIn } from '../../../plugins/lifecycle/last-words.ts';
import { ConfigSchema } from '../../../schemas/config.ts';

describe('the secrets of a configuration', () => {
  it('are all that its schema marks, the longest first', () => {
    const config = {
      management: { listen: '127.0.0.1:4001', admin_api_key: 'admin-0123456789-0123456789' },
      keys: { alice: { secret: 'gateway-0123456789-01' } },
      providers: { up: { type: 'openai', api_key: 'provider-1', headers: { 'x-extra': 'header-1', short: 'abc' } } },
      redis_url: 'redis://:word@host',
    };
    expect(secretsIn(ConfigSchema, config)).toEqual([
      'admin-0123456789-0123456789',
      'gateway-0123456789-01',
      'redis://:word@host',
      'provider-1',
      'header-1',
    ]);
  });
});

describe('the last words of a process', () => {
  it('L4: are the message without secrets and without what looks like one, type, code and frames', () => {
    const error = Object.assign(new TypeError('no route for plainword with Bearer abcdef123 and sk-live-0123456789'), {
      code: 'ERR_plainword',
      headers: { authorization: 'plainword' },
    });
    const told = lastWords(error, ['plainword']) as NodeJS.ErrnoException;
    expect(told.message).toBe('no route for [redacted] with Bearer [redacted] and [redacted]');
    expect([told.name, told.code]).toEqual(['TypeError', 'ERR_[redacted]']);
    expect(told.stack).toMatch(/^TypeError: no route for \[redacted\].*\n\s+at .*last-words\.test\.ts:\d+:\d+/);
    expect(JSON.stringify({ ...told, message: told.message, stack: told.stack })).not.toMatch(/plainword|0123456789/);
  });

  it.each([
    ['an object without a text', Object.create(null)],
    [
      'an object whose text throws',
      {
        toString() {
          throw new Error('no');
        },
      },
    ],
  ])('L4: are also found for %s', (_name, thrown) => {
    expect(lastWords(thrown, []).message).toBe('not an error was thrown: [object Object]');
  });

  it('L4: keep nothing of a message of several lines but its text', () => {
    const error = new Error('first\n    at plainword:1:2\nsecond');
    expect(lastWords(error, ['plainword']).stack).not.toContain('plainword');
  });

  it.each([['a word'], [undefined], [null], [{ secret: 'sk-live-0123456789' }], [Symbol('s')]])(
    'L4: are an error also when none was thrown: %s',
    (thrown) => {
      const told = lastWords(thrown, []);
      expect(told).toBeInstanceOf(Error);
      expect(told.stack).not.toContain('sk-live');
    },
  );
});
