import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

const env = { ENCRYPTION_KEY: randomBytes(32).toString('base64') };

test.each(['redis://h', 'rediss://u:p@h/1', 'redis+sentinel://a,b/main', 'redis+cluster://a,b', 'unix:///run/redis.sock'])(
  '%s is taken, without a warning',
  (url) => {
    expect(load({ env: { ...env, REDIS_URL: url } })).toMatchObject({ config: { redis_url: url }, warnings: [] });
  },
);

test('a URL that is none is refused with the forms there are; it is not shown', () => {
  const { path, message, hint } = onlyProblem({ env: { ...env, REDIS_URL: 'http://user:canary@host' } });
  expect(path).toBe('redis_url');
  expect(hint).toContain('redis+sentinel://');
  expect(message + hint).not.toContain('canary');
});
