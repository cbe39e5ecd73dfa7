import { expect, it } from 'vitest';
import { OperatorWarnings } from '../../../plugins/relay/operator-warnings.ts';
import type { Route } from '../../../plugins/router/types.ts';
import { provider, target } from '../router/targets.ts';

const several = provider('several', { api_keys: [{ key: 'sk-CANARY-1', name: 'team-a' }, { key: 'sk-CANARY-2' }] });
const one = provider('one', { api_key: 'sk-CANARY-3' });
/** The model `m` as it is written, behind the name of one of its targets or not. */
const route = (...written: readonly { provider: string; model: string }[]) =>
  ({ model: 'm', groups: [{ config: written.length === 0 ? null : { targets: written } }] }) as unknown as Route;

function rig() {
  const clock = { at: 0 };
  const told: [Record<string, unknown>, string][] = [];
  const log = { warn: (...line: [Record<string, unknown>, string]) => void told.push(line) };
  return { clock, told, warnings: new OperatorWarnings(log as never, () => clock.at) };
}

it('A6: says where a key is that was added through the admin API', () => {
  const { told, warnings } = rig();
  const waits = provider('waits', { api_keys: [] });
  warnings.failed(route(), target('x', 1, waits), 'pkey_1', 'authentication');
  warnings.failed(route(), target('x', 1, one), 'mine', 'authentication');
  expect(told.map(([, message]) => message)).toEqual([
    expect.stringContaining('the key pkey_1 of /admin/v1/providers/waits/keys'),
    expect.stringContaining('the key mine of /admin/v1/providers/one/keys'),
  ]);
});

it('A6: names the provider and the name of a key that is refused, never the key', () => {
  const { told, warnings } = rig();
  warnings.failed(route(), target('x', 1, several), 'team-a', 'authentication');
  warnings.failed(route(), target('x', 1, several), '2', 'quota');
  warnings.failed(route(), target('x', 1, one), '1', 'authentication');
  expect(told).toEqual([
    [
      { provider: 'several', credential: 'team-a', reason: 'authentication' },
      expect.stringContaining('the key team-a of providers.several.api_keys'),
    ],
    [{ provider: 'several', credential: '2', reason: 'quota' }, expect.stringContaining('no quota left')],
    [{ provider: 'one', credential: '1', reason: 'authentication' }, expect.stringContaining('providers.one.api_key')],
  ]);
  expect(JSON.stringify(told)).not.toContain('CANARY');
});

it('A6: tells of each key once a minute', () => {
  const { clock, told, warnings } = rig();
  const fail = (key: string) => warnings.failed(route(), target('x', 1, several), key, 'authentication');
  fail('team-a');
  fail('team-a');
  fail('2');
  clock.at = 59_999;
  fail('team-a');
  expect(told).toHaveLength(2);
  clock.at = 60_000;
  fail('team-a');
  expect(told).toHaveLength(3);
});

it('A8: tells once a minute of a model that is gone and that the configuration names', () => {
  const { clock, told, warnings } = rig();
  const gone = (model: string, from: Route) => warnings.failed(from, target(model, 1, one), '1', 'not_found');
  const written = route({ provider: 'one', model: 'large' });
  gone('large', written);
  gone('large', written);
  expect(told).toEqual([[{ provider: 'one', target: 'large', model: 'm' }, expect.stringContaining('does not have this model')]]);
  clock.at = 60_000;
  gone('large', written);
  expect(told).toHaveLength(2);
});

it('says nothing of models that callers made up, nor of failures that pass', () => {
  const { told, warnings } = rig();
  warnings.failed(route(), target('made-up', 1, one), '1', 'not_found');
  warnings.failed(route({ provider: 'one', model: '*' }), target('made-up', 1, one), '1', 'not_found');
  for (const reason of ['rate_limit', 'server', 'timeout', 'invalid_request'] as const) {
    warnings.failed(route({ provider: 'one', model: 'x' }), target('x', 1, one), '1', reason);
  }
  expect(told).toEqual([]);
});
