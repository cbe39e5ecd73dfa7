import { expect, test } from 'vitest';
import { CredentialPool } from '../../../../plugins/router/credentials.ts';
import { FixedLimit } from '../../../../plugins/router/limits/fixed.ts';
import { GradientLimit } from '../../../../plugins/router/limits/gradient.ts';
import { Limits } from '../../../../plugins/router/limits/index.ts';
import { TargetState } from '../../../../plugins/router/target-state.ts';
import type { ProviderInstance } from '../../../../providers/provider.ts';
import { healthOptions, provider, providerType, target } from '../targets.ts';

type Models = ConstructorParameters<typeof Limits>[0];

const acme = provider('acme', { concurrency: { max: 30 } });

function stateOf(limits: Limits, name: string, of: ProviderInstance = acme): TargetState {
  const state = new TargetState(new CredentialPool(of, healthOptions), 0);
  limits.apply(target(name, 1, of), state);
  return state;
}

const models: Models = {
  first: { targets: [{ provider: 'acme', model: 'large' }] },
  second: { targets: [{ provider: 'acme', model: 'large', concurrency: { max: 3 } }] },
  third: { targets: [{ provider: 'acme', model: 'large', concurrency: { max: 4 } }] },
  'acme/*': { targets: [{ provider: 'acme', model: '*', concurrency: { max: 7 } }] },
};

test('a target has the limit of the first entry that gives it one, whichever model it is asked for through', () => {
  const limits = new Limits(models);
  expect(stateOf(limits, 'large').limit).toMatchObject({ limit: 3 });
  expect(stateOf(limits, 'other').limit).toMatchObject({ limit: 7 });
  expect(stateOf(new Limits({ first: models.first! }), 'large').limit).toMatchObject({ limit: 30 });
  expect(stateOf(new Limits(models), 'large', provider('else')).limit).toBeNull();
});

test('a limit that was applied is not replaced', () => {
  const limits = new Limits(models);
  const state = stateOf(limits, 'large');
  const { limit } = state;
  limits.apply(target('large', 1, acme), state);
  expect(state.limit).toBe(limit);
});

test('an adaptive limit begins at 20 or at its highest', () => {
  const adaptive = (max?: number) =>
    stateOf(new Limits({}), 'x', provider('p', { concurrency: { adaptive: true, ...(max === undefined ? {} : { max }) } })).limit;
  expect(adaptive()).toBeInstanceOf(GradientLimit);
  expect(adaptive()).toMatchObject({ limit: 20 });
  expect(adaptive(6)).toMatchObject({ limit: 6 });
  expect(stateOf(new Limits({}), 'x', provider('p', { concurrency: { adaptive: false, max: 6 } })).limit).toBeInstanceOf(
    FixedLimit,
  );
});

test('targets of one provider share its sockets: none of them takes a request when all are in use', () => {
  const limits = new Limits({});
  const two = provider('two', { connections: 2 });
  const [a, b] = [stateOf(limits, 'a', two), stateOf(limits, 'b', two)];
  expect([a.sockets, a.sockets!.max]).toEqual([b.sockets, 2]);
  a.sockets!.inFlight = 2;
  expect([a.full, b.full]).toEqual([true, true]);
  expect(stateOf(limits, 'c').sockets!.max).toBe(2_048);
  const local = provider('local', {}, providerType({ serve: () => null as never }));
  expect(stateOf(limits, 'd', local).sockets!.max).toBe(Number.POSITIVE_INFINITY);
});
