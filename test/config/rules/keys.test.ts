import { expect, test } from 'vitest';
import { load, onlyProblem, strong } from '../sources.ts';

const key = (members: string) => `keys: { a: { secret: ${strong}, ${members} } }\n`;
const teams = 'teams: { staff: {} }\n';

test('a team that is not there is refused with the name that was meant', () => {
  const problem = onlyProblem({ file: `${teams}${key('team: stuff')}` });
  expect(problem).toMatchObject({ path: 'keys.a.team', message: 'there is no team stuff' });
  expect(problem.hint).toContain('staff');
});

test('a team that is there is taken', () => {
  expect(load({ file: `${teams}${key('team: staff')}` }).config.keys.a!.team).toBe('staff');
});

test('a key that is over is a warning, and one with time left is none', () => {
  expect(load({ file: key('expires_at: 2001-01-01') }).warnings).toEqual([expect.stringMatching(/^keys\.a\.expires_at is over/)]);
  expect(load({ file: key('expires_at: 2999-01-01T10:00:00Z') }).warnings).toEqual([]);
});

test.each([
  [key('models: ["a*b"]'), 'keys.a.models[0]'],
  [key('providers: [nobody]'), 'keys.a.providers[0]'],
  [key('models: [a, b, a]'), 'keys.a.models[2]'],
  [key('budgets: [{ period: day }]'), 'keys.a.budgets[0]'],
  [key('budgets: [{ period: day, tokens: 1, requests: 1 }]'), 'keys.a.budgets[0]'],
  ['teams: { t: { models: ["a*b"] } }\n', 'teams.t.models[0]'],
  ['teams: { t: { providers: [nobody] } }\n', 'teams.t.providers[0]'],
  ['teams: { t: { budgets: [{ period: month }] } }\n', 'teams.t.budgets[0]'],
])('%j is refused at %s', (file, path) => {
  expect(onlyProblem({ file })).toMatchObject({ path });
});

test('mode gateway without a configured key needs a way to make one', () => {
  expect(onlyProblem({ env: { AUTH_MODE: 'gateway' } }).hint).toContain('ADMIN_API_KEY');
  const made = load({ env: { AUTH_MODE: 'gateway', ADMIN_API_KEY: 'kR8vQ2mN5tX9wB3cF7hJ' } });
  expect([made.config.auth.mode, made.keyless]).toEqual(['gateway', null]);
});
