import { setTimeout as sleep } from 'node:timers/promises';
import type { Measure, Rule, Scope, Spent } from '../../../plugins/limits/contract.ts';
import { periodStart } from '../../../plugins/limits/periods.ts';
import { RedisStore } from '../../../plugins/limits/redis-store.ts';
import { makeClient } from '../../../plugins/redis/client.ts';
import { Link } from '../../../plugins/redis/link.ts';
import { parseRedisUrl, type RedisPlace } from '../../../plugins/redis/url.ts';
import { budget, charge, everyone } from './rules.ts';

// A process of its own with one replica's store. Told over IPC what to do; see redis-overshoot.ts.

export type Order =
  | { readonly do: 'take'; readonly seed: number; readonly calls: number; readonly amount: number; readonly limit: number }
  | { readonly do: 'settle'; readonly seed: number }
  | { readonly do: 'stop' };

export interface Done {
  readonly admitted: number;
  /** Integer nano-USD by the ledger of this process, for the seed. */
  readonly spent: number;
}

/** The rules of a seed: one budget of a key, its team and everyone, of which the key's is the smallest. */
export function nested(seed: number, limit: number): Rule[] {
  const scopes: Scope[] = [
    { kind: 'key', id: `key_${seed}` },
    { kind: 'team', id: `team_${seed}` },
  ];
  return [...scopes.map((scope, at) => budget(limit + at, 'month', scope)), budget(9_000_000_000_000_000, 'month', everyone)];
}

/** Numbers in [0, 1) that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function serve(url: string, tag: string, replica: string): Promise<void> {
  const client = makeClient(parseRedisUrl(url) as RedisPlace, { command: 20_000, silence: 30_000 }, 'worker');
  const link = new Link({ client, probeKey: `${tag}:probe`, log: { warn: () => {}, info: () => {} } });
  const store = new RedisStore({ link, tag, replica, turnMs: 25 });
  const totals = new Map<string, number>();
  const taken = new Map<number, { rules: Rule[]; ids: string[]; amount: number; random: () => number; spent: number }>();
  let ids = 0;
  while (store.problem() !== null) await sleep(5);

  const take = async ({ seed, calls, amount, limit }: Extract<Order, { do: 'take' }>): Promise<Done> => {
    const rules = nested(seed, limit);
    const known = taken.get(seed);
    const admitted: string[] = [];
    await Promise.all(
      Array.from({ length: calls }, async () => {
        const id = `${replica}-${seed}-${++ids}`;
        if (
          (
            await store.take(
              id,
              rules.map((rule) => charge(rule, amount)),
              60_000,
            )
          ).ok
        )
          admitted.push(id);
      }),
    );
    taken.set(seed, { rules, ids: admitted, amount, random: seeded(seed * 31 + Number(replica)), spent: known?.spent ?? 0 });
    return { admitted: admitted.length, spent: known?.spent ?? 0 };
  };
  const settle = async ({ seed }: Extract<Order, { do: 'settle' }>): Promise<Done> => {
    const open = taken.get(seed)!;
    for (const id of open.ids) {
      // One in four was never sent.
      const cost = open.random() < 0.25 ? 0 : Math.floor(open.random() * (open.amount + 1));
      open.spent += cost;
      store.spent(open.rules.map(({ scope, measure }) => sum(scope, measure, cost)));
      store.settle(id, []);
    }
    await store.told();
    return { admitted: open.ids.length, spent: open.spent };
  };
  const sum = (scope: Scope, measure: Measure, cost: number): Spent => {
    const amount = (totals.get(scope.id) ?? 0) + cost;
    totals.set(scope.id, amount);
    return { scope, measure, period: 'month', start: periodStart('month', store.now()), amount };
  };

  process.on('message', async (order: Order) => {
    if (order.do === 'stop') {
      await store.close();
      link.close();
      process.disconnect?.();
    } else process.send?.(order.do === 'take' ? await take(order) : await settle(order));
  });
  process.send?.('ready');
}

const [, , url, tag, replica] = process.argv;
if (process.send !== undefined && import.meta.main && url !== undefined) await serve(url, tag!, replica!);
