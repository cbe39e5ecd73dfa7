import { randomUUID } from 'node:crypto';
import { type Link, RedisUnavailable } from '../../redis/link.ts';
import { deadAfter, joinScript } from './join.ts';
import type { LimitKeys } from './keys.ts';
import type { ServerClock } from './server-clock.ts';
import { leaveScript, tickScript } from './tick.ts';

export interface MembershipOptions {
  readonly link: Link;
  readonly keys: LimitKeys;
  readonly clock: ServerClock;
  /** Id of this replica; the same after a restart. */
  readonly replica: string;
  /** Milliseconds for which a new epoch stays closed when this replica has just started: others are likely to start as well. */
  readonly grace: () => number;
  /** Tells the server everything that this replica knows. Rejects with `RedisUnavailable`. */
  readonly tell: () => Promise<void>;
}

/** Milliseconds between two signs of life. */
const beatEvery = 1000;

/**
 * This replica among the others. Budgets are asked in an epoch that is open: every replica that lives has set all of its sums since
 * the server last forgot anything.
 */
export class Membership {
  /** The epoch that this replica has joined; null: none. */
  epoch: string | null = null;
  /** Budgets can be asked. */
  open = false;
  /** Replicas that are waited for. */
  waiting = 0;
  readonly #options: MembershipOptions;
  /** Name and when it was last seen, of all that live. */
  #members: readonly string[] = [];
  #generation = 0;
  #writes = 0;
  #complete = false;
  #joining = false;
  #again = false;
  #beatAt = Number.NEGATIVE_INFINITY;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Replicas that live, this one included. */
  get size(): number {
    return Math.max(1, this.#members.length / 2);
  }

  /** Orders this replica's writes: texts that grow, beyond restarts and reconnections. */
  sequence(): string {
    this.#writes++;
    return `${String(this.#generation).padStart(10, '0')}${String(this.#writes).padStart(14, '0')}`;
  }

  /** The server has forgotten something, or may have: everything is told again. */
  rejoin(): void {
    this.open = false;
    this.#complete = false;
    this.epoch = null;
    void this.#join();
  }

  /** Called often; does what is due. */
  async turn(): Promise<void> {
    if (this.#joining || !this.#options.link.up) return;
    if (!this.#complete) await this.#join();
    else if (!this.open || performance.now() - this.#beatAt >= beatEvery) await this.#beat();
  }

  async #join(): Promise<void> {
    if (this.#joining) {
      this.#again = true;
      return;
    }
    this.#joining = true;
    try {
      do {
        this.#again = false;
        await this.#attempt();
      } while (this.#again);
    } catch (error) {
      // Redis is down: its coming back, or the next turn, begins anew.
      if (!(error instanceof RedisUnavailable)) throw error;
    } finally {
      this.#joining = false;
    }
  }

  async #attempt(): Promise<void> {
    const { link, keys, clock, replica, grace, tell } = this.#options;
    const sent = clock.mark();
    const known = this.#members.filter((_, at) => this.#members[at - (at % 2)] !== replica);
    // Who has seen the others waits for them by name.
    const closed = this.#members.length > 0 ? 0 : grace();
    const reply = (await link.run(joinScript, [keys.epoch, keys.members], [replica, randomUUID(), closed, ...known])) as [
      string,
      number,
      number,
    ];
    clock.heard(reply[2], sent);
    this.epoch = reply[0];
    this.#generation = reply[1];
    await tell();
    if (this.#again) return;
    this.#complete = true;
    await this.#beat();
  }

  async #beat(): Promise<void> {
    const { link, keys, clock, replica } = this.#options;
    this.#beatAt = performance.now();
    const sent = clock.mark();
    const args = [keys.tag, replica, this.epoch ?? '', this.#complete ? '1' : '0'];
    let reply: [number, string, string, number, ...string[]];
    try {
      reply = (await link.run(tickScript, [keys.epoch, keys.members, keys.leases, keys.collect], args)) as typeof reply;
    } catch (error) {
      if (error instanceof RedisUnavailable) return;
      throw error;
    }
    const [now, current, open, waiting, ...members] = reply;
    clock.heard(now, sent);
    if (current !== '1') {
      this.#complete = false;
      this.open = false;
      this.epoch = null;
      this.#again = true;
      return;
    }
    this.open = open === '1' && this.#complete;
    this.waiting = waiting;
    this.#members = members;
  }

  /** Nobody has to wait for this replica from now on. */
  async leave(): Promise<void> {
    const { link, keys, replica } = this.#options;
    await link.run(leaveScript, [keys.members], [replica]).catch(() => {});
  }

  /** Why budgets cannot be asked; null while they can. */
  problem(): string | null {
    if (this.open) return null;
    if (this.#complete && this.waiting > 0) {
      return `budgets are made anew: ${this.waiting} of the replicas seen in the last ${deadAfter / 1000} s have not set their sums yet`;
    }
    return 'budgets are made anew from the ledgers';
  }
}
