import { type Link, RedisUnavailable } from '../../redis/link.ts';
import type { LimitKeys } from './keys.ts';
import type { Membership } from './membership.ts';
import { forgetAt, type OwnSum, OwnSums } from './own-sums.ts';
import { pushScript } from './push.ts';
import { restoreScript } from './restore.ts';
import { type Ending, kindOf, type OpenTake, type RuleKeys } from './rule-keys.ts';
import type { ServerClock } from './server-clock.ts';
import { settleScript } from './settle.ts';

export interface TellerOptions {
  readonly link: Link;
  readonly keys: LimitKeys;
  readonly rules: RuleKeys;
  readonly clock: ServerClock;
  readonly replica: string;
  readonly membership: Membership;
}

/** Sums told in one script: about a millisecond of the server. */
const batchSize = 100;
/** Endings kept while Redis is away. Beyond it the eldest wait for their leases. */
const mostUndelivered = 100_000;

/** What this replica has to tell the server: ends of takes, and sums of its ledger. Told again until it has arrived. */
export class Teller {
  readonly sums = new OwnSums();
  /** Ends of takes that wait for the server. */
  readonly undelivered = new Map<string, Ending>();
  readonly #link: Link;
  readonly #keys: LimitKeys;
  readonly #rules: RuleKeys;
  readonly #clock: ServerClock;
  readonly #replica: string;
  readonly #membership: Membership;
  #flushing = false;
  /** Endings on their way. */
  #delivering = 0;

  constructor({ link, keys, rules, clock, replica, membership }: TellerOptions) {
    this.#link = link;
    this.#keys = keys;
    this.#rules = rules;
    this.#clock = clock;
    this.#replica = replica;
    this.#membership = membership;
  }

  /** Tells an end of a take, with the sums that the take's rules count. */
  async deliver({ id, actual, take }: Ending): Promise<void> {
    const { epoch } = this.#membership;
    const keys = this.#rules.hold(id);
    const args = [this.#keys.tag, id, take.taken === null ? '1' : '0', epoch ?? '-', this.#replica, this.#membership.sequence()];
    const rest: (string | number)[] = [actual.length, ...actual.map((each) => each ?? '')];
    const sums: OwnSum[] = [];
    for (const { rule } of take.charges) {
      const name = epoch === null ? null : this.#rules.name(rule, take.at);
      const sum = name === null ? undefined : this.sums.pick(name);
      if (sum === undefined) continue;
      sums.push(sum);
      keys.push(this.#keys.counter(sum.name));
      rest.push(sum.amount, forgetAt(sum.end, take.at));
    }
    this.#delivering++;
    try {
      if ((await this.#link.run(settleScript, keys, [...args, ...rest])) === 1) return;
      for (const sum of sums) this.sums.mark(sum);
      if (epoch !== null && this.#membership.epoch === epoch) this.#membership.rejoin();
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      for (const sum of sums) this.sums.mark(sum);
      this.keep({ id, actual, take });
    } finally {
      this.#delivering--;
    }
  }

  /** Tells it later. */
  keep(ending: Ending): void {
    this.undelivered.set(ending.id, ending);
    if (this.undelivered.size <= mostUndelivered) return;
    for (const id of this.undelivered.keys()) {
      this.undelivered.delete(id);
      return;
    }
  }

  /** Resolves when Redis has been told everything, if it can be. */
  async told(): Promise<void> {
    while (this.#flushing || this.#delivering > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await this.flush();
  }

  /** Tells what has changed since the last time. */
  async flush(): Promise<void> {
    if (this.#flushing || !this.#link.up || this.#membership.epoch === null) return;
    this.#flushing = true;
    try {
      for (const ending of this.undelivered.values()) {
        this.undelivered.delete(ending.id);
        await this.deliver(ending);
        if (!this.#link.up) return;
      }
      await this.#push();
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
    } finally {
      this.#flushing = false;
    }
  }

  async #push(): Promise<void> {
    for (;;) {
      const { epoch } = this.#membership;
      if (epoch === null) return;
      const batch = this.sums.batch(batchSize);
      if (batch.length === 0) return;
      const now = this.#clock.now();
      const keys = [this.#keys.epoch, this.#keys.collect, ...batch.map(({ name }) => this.#keys.counter(name))];
      const args = [epoch, this.#replica, this.#membership.sequence()];
      const rest = batch.flatMap(({ amount, end }) => [amount, forgetAt(end, now)]);
      let current = false;
      try {
        current = (await this.#link.run(pushScript, keys, [...args, ...rest])) === 1;
      } finally {
        if (!current) for (const sum of batch) this.sums.mark(sum);
      }
      if (current) continue;
      if (this.#membership.epoch === epoch) this.#membership.rejoin();
      return;
    }
  }

  /** All sums, then what calls under way hold: the server may have forgotten either. */
  async everything(open: ReadonlyMap<string, OpenTake>): Promise<void> {
    this.sums.markAll();
    await this.#push();
    const now = this.#clock.now();
    const held = [...open].filter(([, { taken, until }]) => taken !== null && until > now);
    for (let at = 0; at < held.length; at += batchSize) {
      await Promise.all(
        held.slice(at, at + batchSize).map(([id, take]) => (open.get(id) === take ? this.#restore(id, take, now) : undefined)),
      );
    }
  }

  async #restore(id: string, take: OpenTake, now: number): Promise<void> {
    const keys = this.#rules.hold(id);
    const args: (string | number)[] = [id, this.#membership.epoch ?? '-', take.until - now];
    for (const { rule, amount } of take.charges) {
      if (rule.span.kind === 'rate') continue;
      keys.push(this.#rules.of(rule, take.at));
      args.push(kindOf(rule), amount, forgetAt(this.#rules.end(rule, take.at, now), now));
    }
    await this.#link.run(restoreScript, keys, args);
  }
}
