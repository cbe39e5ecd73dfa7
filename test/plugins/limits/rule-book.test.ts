import { describe, expect, test } from 'vitest';
import type { Allowance } from '../../../plugins/exchange/exchange.ts';
import { addressBlock, RuleBook } from '../../../plugins/limits/rule-book.ts';
import type { Config } from '../../../schemas/config.ts';

const settings = (changes: Partial<Config['limits']> = {}): Config['limits'] => ({
  queue: { max: 1, wait: 1 },
  algorithm: 'sliding_window',
  global: {},
  per_ip: {},
  models: {},
  assumed_output_tokens: 100,
  ...changes,
});
const book = (limits: Partial<Config['limits']> = {}, budgets: Config['budgets']['global'] = [], salt = 'salt') =>
  new RuleBook({ limits: settings(limits), budgets: { global: budgets, alert_at: [] }, salt });
const allowance = (changes: Partial<Allowance> = {}): Allowance => ({
  scope: 'key',
  id: 'key_1',
  name: 'one',
  rates: {},
  budgets: [],
  ...changes,
});
const names = (set: ReturnType<RuleBook['find']>) =>
  set === null ? null : [...set.concurrent.map(({ rule }) => rule), ...set.rules].map(({ id }) => id);

describe('the rules of a call', () => {
  test('are none where nothing is limited', () => {
    expect(book().find([], 'm', '127.0.0.1')).toBeNull();
    expect(book().find([allowance()], 'm', '127.0.0.1')).toBeNull();
  });

  test('are those of its key, its team, the model and everyone, in this order', () => {
    const rules = book({ global: { requests_per_minute: 5 }, models: { m: { tokens_per_minute: 7 } } }, [
      { amount_usd: 1.5, period: 'month' },
    ]);
    const allowances = [
      allowance({ rates: { concurrent_requests: 2, requests_per_day: 9 } }),
      allowance({ scope: 'team', id: 'team_1', budgets: [{ tokens: 100, period: 'total' }] }),
    ];
    const set = rules.find(allowances, 'm', undefined)!;
    expect(names(set)).toEqual([
      'key:key_1:requests:concurrent',
      'key:key_1:requests:day',
      'team:team_1:tokens:total',
      'model:m:tokens:sliding_window_60000',
      'global::requests:sliding_window_60000',
      'global::nano_usd:month',
    ]);
    expect(set.rules.at(-1)!.limit).toBe(1_500_000_000);
    expect(rules.find(allowances, 'm', undefined)).toBe(set);
    expect(names(rules.find(allowances, 'other', undefined))).toHaveLength(5);
  });

  test('of two that count the same the smaller one holds', () => {
    const set = book().find(
      [
        allowance({
          rates: { requests_per_day: 9 },
          budgets: [
            { requests: 5, period: 'day' },
            { requests: 7, period: 'day' },
          ],
        }),
      ],
      'm',
      undefined,
    )!;
    expect(set.rules.map(({ name, limit }) => [name, limit])).toEqual([['budget', 5]]);
  });

  test('a model is limited by its own entry, else by the longest pattern', () => {
    const rules = book({
      models: { '*': { requests_per_minute: 1 }, 'gpt-*': { requests_per_minute: 2 }, 'gpt-4': { requests_per_minute: 3 } },
    });
    const limit = (model: string) => rules.find([], model, undefined)!.rules[0]!.limit;
    expect(['gpt-4', 'gpt-4o', 'llama'].map(limit)).toEqual([3, 2, 1]);
    expect(names(rules.find([], 'gpt-5', undefined))).toEqual(names(rules.find([], 'gpt-6', undefined)));
  });

  test('amounts of USD are whole nano-USD', () => {
    const rules = book({}, [
      { amount_usd: 0.1, period: 'day' },
      { amount_usd: 9_000_000, period: 'total' },
    ]);
    expect(rules.everyone.map(({ limit }) => limit)).toEqual([100_000_000, 9_000_000_000_000_000]);
  });
});

describe('addresses', () => {
  const perIp = { per_ip: { requests_per_minute: 5, requests_per_day: 50 } };

  test('have rules of their own, whose names do not show them and are the same in every replica', () => {
    const name = (ip: string, salt?: string) => names(book(perIp, [], salt).find([], 'm', ip))!.join();
    expect(name('203.0.113.7')).not.toContain('203');
    expect(name('203.0.113.7')).toBe(name('203.0.113.7'));
    expect(name('203.0.113.7')).not.toBe(name('203.0.113.8'));
    expect(name('203.0.113.7')).not.toBe(name('203.0.113.7', 'other'));
  });

  test('a socket without an address has none', () => {
    expect(book(perIp).find([], 'm', undefined)).toBeNull();
  });

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['', ''],
  ])('%s counts as %s', (ip, block) => {
    expect(addressBlock(ip)).toBe(block);
  });
});
