import { type Allowance, anonymous, Exchange } from '../../../plugins/exchange/exchange.ts';
import type { Charge, LimitedCall, LimitStore, Taken } from '../../../plugins/limits/contract.ts';
import { Gate } from '../../../plugins/limits/gate.ts';
import { MemoryStore } from '../../../plugins/limits/memory-store.ts';
import { periodStart } from '../../../plugins/limits/periods.ts';
import { RefusalCounts } from '../../../plugins/limits/refusal-counts.ts';
import { RuleBook } from '../../../plugins/limits/rule-book.ts';
import { Tallies } from '../../../plugins/limits/tallies.ts';
import type { Route } from '../../../plugins/router/index.ts';
import { picoPerUnit } from '../../../plugins/usage/money.ts';
import type { Call, Target } from '../../../providers/provider.ts';
import type { Config } from '../../../schemas/config.ts';
import { seeded } from '../../helper/cuts.ts';
import { target } from '../router/targets.ts';

// The gate of the limits over a store, with calls that go nowhere and a ledger that is a function.

/** 1 and 2 USD per million tokens. */
const rates = { base: { input: picoPerUnit(1), output: picoPerUnit(2) }, tiers: [] };
export const up: Target = target('up-1');
export const unpriced: Target = target('unpriced');

const total = 600_000;

export interface GateRigOptions {
  readonly store?: LimitStore;
  readonly limits?: Partial<Config['limits']>;
  readonly budgets?: Config['budgets']['global'];
  readonly now?: () => number;
  readonly loadPrices?: () => Promise<unknown>;
}

export function gateRig({ store = new MemoryStore(), limits, budgets = [], now, loadPrices }: GateRigOptions = {}) {
  const settings: Config['limits'] = {
    queue: { max: 1, wait: 1 },
    algorithm: 'sliding_window',
    global: {},
    per_ip: {},
    models: {},
    assumed_output_tokens: 100,
    ...limits,
  };
  const local = new MemoryStore();
  const counts = new RefusalCounts();
  const clock = now ?? (() => store.now());
  const tallies = new Tallies({ charges: { sums: () => [] }, now: clock, everything: false });
  const book = new RuleBook({
    limits: settings,
    budgets: { global: budgets, alert_at: [] },
    onRule(rule) {
      const sum = tallies.watch(rule);
      if (sum !== null) store.spent([sum]);
    },
  });
  const gate = new Gate({
    store,
    local,
    book,
    usage: { price: ({ model }) => (model === unpriced.model ? null : { rates, source: 'config', version: '1' }) },
    loadPrices: loadPrices ?? (async () => undefined),
    assumedOutput: settings.assumed_output_tokens,
    counts,
  });
  let calls = 0;
  return {
    gate,
    store,
    local,
    counts,
    /** A call of a key with these allowances. */
    call(allowances: readonly Allowance[], body: object = {}, targets: readonly Target[] = [up]): LimitedCall {
      const exchange = new Exchange(`ex_${++calls}`, 'r', 'chat', { timeouts: { total } } as Config, 0, clock(), ({ id }) =>
        gate.over(id),
      );
      exchange.principal = { ...anonymous, keyId: 'key_1', team: 'team_1', allowances };
      const json = { model: 'm', messages: [{ role: 'user', content: 'Hello' }], ...body };
      const bytes = Buffer.from(JSON.stringify(json));
      const none: ReadonlySet<string> = new Set();
      const call: Call = {
        operation: 'chat',
        dialect: 'openai',
        body: { bytes, json, members: [] },
        stream: false,
        streamUsage: false,
        dropped: none,
        requireParameters: false,
        kept: new Map(),
      };
      const route = { model: 'm', groups: [{ targets }], timeouts: {} } as unknown as Route;
      return { exchange, call, route, operation: 'chat', ip: '203.0.113.7' };
    },
    /** The ledger charges an attempt. */
    charge({ exchange }: LimitedCall, attempt: number, nanoUsd: number, tokens = 0): void {
      const { id, chargedAt } = exchange;
      const intent = { exchange: id, attempt, operation: 'chat', keyId: 'key_1', team: 'team_1', chargedAt } as const;
      const charged = { id: 1, intent, requests: attempt === 1 ? 1 : 0, tokens, nanoUsd };
      store.spent(tallies.add(charged));
      gate.charged(charged);
    },
    /** The exchange is over. */
    over({ exchange }: LimitedCall): void {
      exchange.close(1);
    },
    spentNow: (period: 'day') => periodStart(period, clock()),
  };
}

export const allowance = (changes: Partial<Allowance> = {}): Allowance => ({
  scope: 'key',
  id: 'key_1',
  name: 'one',
  rates: {},
  budgets: [],
  ...changes,
});

/** A store that answers when told, in any order. */
export class SlowStore implements LimitStore {
  readonly kind = 'redis';
  readonly inner: MemoryStore;
  /** Decides when an answer comes. */
  readonly schedule: <T>(task: Promise<T>) => Promise<T>;
  why: string | null = null;
  fail: Error | null = null;
  settled: string[] = [];

  constructor(schedule: <T>(task: Promise<T>) => Promise<T>, inner = new MemoryStore()) {
    this.schedule = schedule;
    this.inner = inner;
  }

  now = () => this.inner.now();
  problem = () => this.why;
  close = () => this.inner.close();
  spent: LimitStore['spent'] = (sums) => this.inner.spent(sums);
  read: LimitStore['read'] = (rules) => this.inner.read(rules);

  async take(id: string, charges: readonly Charge[], leaseMs: number, at?: number): Promise<Taken> {
    await this.schedule(Promise.resolve());
    if (this.fail !== null) throw this.fail;
    const taken = this.inner.take(id, charges, leaseMs, at);
    await this.schedule(Promise.resolve());
    return taken;
  }

  settle(id: string, actual: readonly (number | null)[]): void {
    this.settled.push(id);
    this.inner.settle(id, actual);
  }
}

/** Lets tasks go on one by one, in an order that a seed decides. */
export class AnyOrder {
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly #waiting: (() => void)[] = [];

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  later = <T>(task: Promise<T>): Promise<T> => new Promise<T>((resolve) => this.#waiting.push(() => resolve(task)));

  /** Goes on until all of them are done. */
  async all(tasks: readonly Promise<unknown>[]): Promise<void> {
    let over = false;
    const done = Promise.all(tasks).finally(() => {
      over = true;
    });
    while (!over) {
      const at = Math.floor(this.random() * this.#waiting.length);
      this.#waiting.splice(at, 1)[0]?.();
      // The continuations of one answer.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await done;
  }
}
