import { type Allowance, anonymous, Exchange } from '../../plugins/exchange/exchange.ts';
import type { Grant, LimitedCall } from '../../plugins/limits/contract.ts';
import { Gate } from '../../plugins/limits/gate.ts';
import { MemoryStore } from '../../plugins/limits/memory-store.ts';
import { RefusalCounts } from '../../plugins/limits/refusal-counts.ts';
import { RuleBook } from '../../plugins/limits/rule-book.ts';
import { Tallies } from '../../plugins/limits/tallies.ts';
import { picoPerUnit } from '../../plugins/usage/money.ts';
import { createInstance } from '../../providers/instance.ts';
import type { Call, ProviderType, Target } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import type { Case } from './harness.ts';

const type: ProviderType = { type: 'bench', dialect: 'bench', defaults: {}, presets: {}, environment: [], translate: () => null };
const provider = createInstance('bench', { type: 'bench', base_url: 'http://bench.test/v1' }, type);
const target: Target = { id: 'bench/m', provider, model: 'm', weight: 1 };
const rates = { base: { input: picoPerUnit(1), output: picoPerUnit(2) }, tiers: [] };
const config = { timeouts: { total: 600_000 } } as Config;

const json = { model: 'm', messages: [{ role: 'user', content: 'Say hello.' }], max_completion_tokens: 100 };
const bytes = Buffer.from(JSON.stringify(json));
const call: Call = {
  operation: 'chat',
  dialect: 'openai',
  body: { bytes, json, members: [] },
  stream: false,
  streamUsage: false,
  dropped: new Set(),
  requireParameters: false,
  kept: new Map(),
};
const route = { model: 'm', groups: [{ targets: [target] }], timeouts: {} } as unknown as LimitedCall['route'];

const rateLimits = { requests_per_minute: 1e12, tokens_per_minute: 1e12 };
const budgets = [{ amount_usd: 9_000_000, period: 'month' }] as const;

/** One call from its admission to its end: `allowances` for each of as many keys as there are. */
function limited(name: string, keys: number, allowances: (key: string) => readonly Allowance[], global: boolean): Case {
  const store = new MemoryStore();
  const tallies = new Tallies({ charges: { sums: () => [] }, now: Date.now, everything: false });
  const book = new RuleBook({
    limits: {
      queue: { max: 1, wait: 1 },
      algorithm: 'sliding_window',
      global: global ? rateLimits : {},
      per_ip: {},
      models: {},
      assumed_output_tokens: 100,
    },
    budgets: { global: global ? [...budgets] : [], alert_at: [] },
    onRule(rule) {
      const sum = tallies.watch(rule);
      if (sum !== null) store.spent([sum]);
    },
  });
  const gate = new Gate({
    store,
    local: store,
    book,
    usage: { price: () => ({ rates, source: 'config', version: '1' }) },
    loadPrices: async () => undefined,
    assumedOutput: 100,
    counts: new RefusalCounts(),
  });
  const principals = Array.from({ length: keys }, (_, at) => {
    const keyId = `key_${at}`;
    return { ...anonymous, keyId, team: 'team_1', allowances: allowances(keyId) };
  });
  const settled = ({ id }: Exchange): void => gate.over(id);
  let ids = 0;
  const one = (): void => {
    const exchange = new Exchange(`ex_${++ids}`, 'r', 'chat', config, 0, 0, settled);
    const principal = principals[ids % keys]!;
    exchange.principal = principal;
    const grant = gate.enter({ exchange, call, route, operation: 'chat', ip: undefined }) as Grant | null;
    if (grant !== null) {
      grant.attempt(1, target);
      const { keyId, team } = principal;
      const intent = {
        exchange: exchange.id,
        attempt: 1,
        operation: 'chat',
        keyId,
        team,
        chargedAt: exchange.chargedAt,
      } as const;
      const charged = { id: ids, intent, requests: 1, tokens: 14, nanoUsd: 17_000 };
      store.spent(tallies.add(charged));
      gate.charged(charged);
      grant.settled(1);
    }
    exchange.close(1);
  };
  // The first call that a budget in USD holds for waits for prices.
  void Promise.resolve(gate.enter({ exchange: primer(principals[0]!), call, route, operation: 'chat', ip: undefined }));
  return {
    name: `limits, ${name}`,
    run(times) {
      for (let left = times; left > 0; left--) one();
      return ids;
    },
  };
}

function primer(principal: Exchange['principal']): Exchange {
  const exchange = new Exchange('ex_first', 'r', 'chat', config, 0, 0, () => undefined);
  exchange.principal = principal;
  return exchange;
}

const allowance = (scope: 'key' | 'team', id: string): Allowance => ({
  scope,
  id,
  name: id,
  rates: rateLimits,
  budgets: [...budgets],
});
const team = allowance('team', 'team_1');
const both = (key: string): readonly Allowance[] => [allowance('key', key), team];

/** A call that limits hold for, from its admission to its end, without what the ledger and the relay do. */
export const limitCases: readonly Case[] = [
  limited('none hold', 10, () => [], false),
  limited(
    'a key with requests per minute',
    10,
    (key) => [{ ...allowance('key', key), rates: { requests_per_minute: 1e12 }, budgets: [] }],
    false,
  ),
  limited('key, team and everyone with rates and budgets, 10 keys', 10, both, true),
  limited('key, team and everyone with rates and budgets, 10,000 keys', 10_000, both, true),
];
