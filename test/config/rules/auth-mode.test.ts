import { expect, test } from 'vitest';
import { load, onlyProblem, strong } from '../sources.ts';

const key = (secret: string) => `keys: { a: { secret: ${JSON.stringify(secret)} } }\n`;

test('keys make it gateway, none make it none, and the origin says so', () => {
  const keyed = load({ file: key(strong) });
  expect([keyed.config.auth.mode, keyed.keyless, keyed.origins.get('auth.mode')]).toEqual([
    'gateway',
    null,
    'derived: keys exist',
  ]);
  const open = load();
  expect([open.config.auth.mode, open.keyless, open.origins.get('auth.mode')]).toEqual(['none', 'derived', 'derived: no keys']);
});

test.each(['0.0.0.0:4000', ':4000', '10.0.0.1:4000', 'gateway.example:4000'])(
  'without a key, %s is refused with the two ways out',
  (LISTEN) => {
    const problem = onlyProblem({ env: { LISTEN } });
    expect(problem).toMatchObject({ path: 'server.listen', where: 'environment LISTEN' });
    expect(problem.hint).toMatch(/GATEWAY_API_KEYS.*AUTH_MODE=none/);
  },
);

test.each(['localhost:4000', '127.1.2.3:4000', '[::1]:4000', 'unix:/tmp/p.sock'])('without a key, %s is fine', (LISTEN) => {
  expect(load({ env: { LISTEN } }).keyless).toBe('derived');
});

test('keyless use that was asked for by name may listen anywhere', () => {
  expect(load({ env: { LISTEN: '0.0.0.0:4000', AUTH_MODE: 'none' } }).keyless).toBe('explicit');
});

test('mode none beside keys is a warning', () => {
  expect(load({ file: key(strong), env: { AUTH_MODE: 'none' } }).warnings).toEqual([
    expect.stringContaining('are not asked for'),
  ]);
});

test('mode gateway without any key is refused', () => {
  expect(onlyProblem({ env: { AUTH_MODE: 'gateway' } })).toMatchObject({ path: 'auth.mode', where: 'environment AUTH_MODE' });
});

test('a mode that does not exist is refused', () => {
  const problem = onlyProblem({ env: { AUTH_MODE: 'everyone' } });
  expect(problem).toMatchObject({ path: 'auth.mode', hint: 'known: gateway, client, hybrid, none' });
});
