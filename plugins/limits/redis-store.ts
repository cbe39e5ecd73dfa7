import type { Link } from '../redis/link.ts';
import { RedisUnavailable } from '../redis/link.ts';
import { type Charge, type LimitStore, LimitStoreError, type Rule, type Spent, type Standing, type Taken } from './contract.ts';
import { LimitKeys } from './redis/keys.ts';
import { Membership } from './redis/membership.ts';
import { renewEvery } from './redis/own-sums.ts';
import { readScript } from './redis/read.ts';
import { kindOf, type OpenTake, RuleKeys } from './redis/rule-keys.ts';
import { ServerClock } from './redis/server-clock.ts';
import { readState, standing, wait } from './redis/standings.ts';
import { takeScript } from './redis/take.ts';
import { Teller } from './redis/teller.ts';

export interface RedisStoreOptions {
  readonly link: Link;
  /** What all keys begin with, as a hash tag: `{prefix}`. */
  readonly tag: string;
  /** Id of this replica, the same after a restart: up to 64 of A-Z a-z 0-9 _ -. */
  readonly replica: string;
  /** Milliseconds between two looks at what is due; default 250. */
  readonly turnMs?: number;
  /** Milliseconds for which a new epoch stays closed where the ledger is not empty: other replicas are likely to start as well. Default 2000. */
  readonly openingMs?: number;
  /** Joins the others only when `spent` has been called: with the sums that the ledger has at the start. */
  readonly waitForSums?: boolean;
  /** Clocks, for tests. */
  readonly wall?: () => number;
  readonly steady?: () => number;
}

type Reply = readonly [string, number, ...(string | number)[]];

/**
 * Holds and counts in Redis, for all replicas together. What a replica's ledger has spent it sets there as absolute sums, under its own
 * name; holds have an id and a lease. So nothing that is lost, late or done twice stays wrong, and an emptied server is filled again.
 */
export class RedisStore implements LimitStore {
  readonly kind = 'redis';
  readonly membership: Membership;
  readonly #link: Link;
  readonly #keys: LimitKeys;
  readonly #clock: ServerClock;
  readonly #rules: RuleKeys;
  readonly #teller: Teller;
  readonly #open = new Map<string, OpenTake>();
  readonly #timer: NodeJS.Timeout;
  /** For the sums of the start. */
  #waiting: boolean;
  #flushAt = 0;
  #renewAt: number;

  constructor({ link, tag, replica, turnMs = 250, openingMs = 2000, waitForSums = false, wall, steady }: RedisStoreOptions) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(replica)) throw new TypeError('The id of the replica is malformed.');
    this.#link = link;
    const keys = new LimitKeys(tag);
    this.#keys = keys;
    this.#rules = new RuleKeys(keys);
    this.#waiting = waitForSums;
    this.#clock = new ServerClock(wall, steady);
    this.#renewAt = this.#clock.now() + renewEvery;
    this.membership = new Membership({
      link,
      keys,
      clock: this.#clock,
      replica,
      grace: () => (this.#teller.sums.size > 0 ? openingMs : 0),
      tell: () => this.#teller.everything(this.#open),
    });
    this.#teller = new Teller({ link, keys, rules: this.#rules, clock: this.#clock, replica, membership: this.membership });
    link.onUp(() => {
      if (!this.#waiting) this.membership.rejoin();
    });
    this.#timer = setInterval(() => this.#turn(), turnMs);
    this.#timer.unref();
    if (link.up && !this.#waiting) this.membership.rejoin();
  }

  /** Ends of takes that Redis has not been told, and takes that are open. */
  get size(): { readonly undelivered: number; readonly open: number } {
    return { undelivered: this.#teller.undelivered.size, open: this.#open.size };
  }

  now(): number {
    return this.#clock.now();
  }

  async take(id: string, charges: readonly Charge[], leaseMs: number, at?: number): Promise<Taken> {
    const known = this.#open.get(id);
    if (known !== undefined && known.taken !== null) return known.taken;
    const calendar = charges.some(({ rule }) => rule.span.kind === 'calendar');
    const take: OpenTake = { charges, at: 0, until: 0, taken: null };
    this.#teller.undelivered.delete(id);
    this.#open.set(id, take);
    try {
      for (let attempt = 0; ; attempt++) {
        if (calendar) this.#refuseWhileUnsure();
        const now = this.#clock.now();
        take.at = at ?? now;
        take.until = now + leaseMs;
        const sent = this.#clock.mark();
        const epoch = calendar ? (this.membership.epoch ?? '-') : '';
        const reply = await this.#sendTake(id, take, leaseMs, epoch, at !== undefined);
        switch (reply[0]) {
          case 'ok':
            take.taken = { ok: true, standings: this.#standings(take, reply) };
            return take.taken;
          case 'refused':
            this.#forget(id, take);
            return this.#refusal(charges, reply, at ?? reply[1]);
          case 'window':
            this.#clock.heard(reply[1], sent);
            if (attempt === 0 && this.#open.get(id) === take) continue;
            throw new LimitStoreError('The clock of Redis runs too unevenly.');
          case 'epoch':
            if (this.membership.epoch === epoch) this.membership.rejoin();
            throw new LimitStoreError('Redis has forgotten what was spent.');
          case 'closed':
            throw new LimitStoreError(this.problem() ?? 'Budgets are made anew.');
          default:
            throw new LimitStoreError('The take was given up before.');
        }
      }
    } catch (error) {
      this.#forget(id, take);
      if (!(error instanceof RedisUnavailable)) throw error;
      // It may have been taken: told to give it back when Redis answers again.
      if (error.sent) this.#teller.keep({ id, actual: [], take });
      throw new LimitStoreError(error.message, { cause: error });
    }
  }

  #refuseWhileUnsure(): void {
    const problem = this.problem();
    if (problem !== null) throw new LimitStoreError(problem);
  }

  /** `dated`: its periods may be over. */
  async #sendTake(id: string, take: OpenTake, leaseMs: number, epoch: string, dated: boolean): Promise<Reply> {
    const keys = this.#rules.hold(id);
    const args: (string | number)[] = [this.#keys.tag, id, epoch, leaseMs];
    for (const charge of take.charges) {
      keys.push(this.#rules.of(charge.rule, take.at));
      args.push(...this.#rules.taking(charge, take.at, dated));
    }
    return (await this.#link.run(takeScript, keys, args)) as Reply;
  }

  #standings({ charges, at }: OpenTake, reply: Reply): Standing[] {
    return charges.map(({ rule }, place) => this.#standing(rule, String(reply[place + 2] ?? '0'), at));
  }

  #standing(rule: Rule, text: string, at: number): Standing {
    return standing(rule, readState(rule, text), at, this.#rules.end(rule, at, 0));
  }

  #refusal(charges: readonly Charge[], reply: Reply, at: number): Taken {
    const refused = Number(reply[2]);
    const { rule, amount } = charges[refused]!;
    const text = String(reply[3]);
    return {
      ok: false,
      refused,
      standing: this.#standing(rule, text, at),
      retryAfterMs: wait(rule, amount, readState(rule, text)),
    };
  }

  /** Of a take that was settled meanwhile another one may be open. */
  #forget(id: string, take: OpenTake): void {
    if (this.#open.get(id) === take) this.#open.delete(id);
  }

  settle(id: string, actual: readonly (number | null)[]): void {
    const take = this.#open.get(id);
    if (take === undefined) {
      const kept = this.#teller.undelivered.get(id);
      if (kept !== undefined) this.#teller.undelivered.set(id, { ...kept, actual });
      return;
    }
    this.#open.delete(id);
    const ending = { id, actual, take };
    if (this.#link.up) void this.#teller.deliver(ending);
    else this.#teller.keep(ending);
  }

  spent(sums: readonly Spent[]): void {
    for (const sum of sums) this.#teller.sums.set(sum);
    if (this.#waiting) {
      this.#waiting = false;
      if (this.#link.up) this.membership.rejoin();
    }
  }

  async read(rules: readonly Rule[]): Promise<readonly { used: number; held: number; resetMs: number }[]> {
    const now = this.#clock.now();
    const args = rules.flatMap((rule) => [kindOf(rule), rule.limit, rule.span.kind === 'rate' ? rule.span.windowMs : 0]);
    try {
      const keys = rules.map((rule) => this.#rules.of(rule, now));
      const [, ...states] = (await this.#link.run(readScript, keys, args)) as (string | number)[];
      return rules.map((rule, place) => {
        const text = String(states[place] ?? '0');
        const { used, held } = readState(rule, text);
        const calendar = rule.span.kind === 'calendar';
        return {
          used: calendar ? used - held : Math.max(0, Math.ceil(used - 1e-9)),
          held: calendar ? held : 0,
          resetMs: this.#standing(rule, text, now).resetMs,
        };
      });
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      throw new LimitStoreError(error.message, { cause: error });
    }
  }

  problem(): string | null {
    if (this.#link.eviction !== null) {
      return `Redis drops keys when its memory is full (maxmemory-policy ${this.#link.eviction}): set it to noeviction`;
    }
    return this.#link.problem() ?? this.membership.problem();
  }

  #turn(): void {
    if (this.#waiting) return;
    void this.membership.turn();
    const now = this.#clock.now();
    if (now >= this.#renewAt) {
      this.#renewAt = now + renewEvery;
      this.#teller.sums.renew(now);
    }
    if (performance.now() - this.#flushAt < 1000) return;
    this.#flushAt = performance.now();
    for (const [id, { until }] of this.#open) if (until + 60_000 < now) this.#open.delete(id);
    void this.#teller.flush();
  }

  /** Resolves when Redis has been told everything, if it can be. */
  told(): Promise<void> {
    return this.#teller.told();
  }

  /** What was spent last is still told; waits half a second for that at most. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const told = (async () => {
      await this.told();
      await this.membership.leave();
    })();
    await Promise.race([told, new Promise((resolve) => setTimeout(resolve, 500).unref())]);
  }
}
