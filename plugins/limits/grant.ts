import type { Target } from '../../providers/provider.ts';
import { GatewayError } from '../errors/classes.ts';
import {
  type AttemptGrant,
  type Charge,
  type Grant,
  type LimitHeaders,
  type LimitStore,
  LimitStoreError,
  type Taken,
} from './contract.ts';
import { budgetsUnavailable, refusal, targetPriceUnknown } from './refusal.ts';
import type { Estimate, Reservation } from './reservation.ts';
import type { NamedRule, RuleSet } from './rules.ts';

/** A take that has to be settled. */
export interface Held {
  readonly id: string;
  readonly charges: readonly Charge[];
  readonly reservation: Reservation;
}

/** What grants share. */
export interface GrantHost {
  /** Counts what is held, up and down. */
  held(reservation: Reservation, times: 1 | -1): void;
  refused(error: GatewayError): void;
  /** The grant is over. */
  left(grant: CallGrant): void;
}

const granted: AttemptGrant = { ok: true };
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Rules of which a further attempt takes more. `first`: the call has not been counted yet. */
export function attemptCharges(rules: readonly NamedRule[], { tokens, nanoUsd }: Reservation, first: boolean): Charge[] {
  const charges: Charge[] = [];
  for (const rule of rules) {
    if (rule.measure === 'tokens') charges.push({ rule, amount: tokens });
    else if (rule.measure === 'nano_usd') charges.push({ rule, amount: nanoUsd ?? 0 });
    else if (first && rule.span.kind === 'calendar') charges.push({ rule, amount: 1 });
  }
  return charges;
}

/** By the places of a take: tokens of rates become what they really were, the rest is for the store to know. */
const actual = (charges: readonly Charge[], tokens: number | null): (number | null)[] =>
  charges.map(({ rule }) => (rule.measure === 'tokens' ? tokens : null));

/** What one call holds. */
export class CallGrant implements Grant {
  readonly exchange: string;
  readonly headers: LimitHeaders;
  readonly #host: GrantHost;
  readonly #store: LimitStore;
  readonly #set: RuleSet;
  readonly #estimate: Estimate | null;
  readonly #leaseMs: number;
  /** When the call was let in: all its attempts are charged to the periods of that time (R10), so they are held there. */
  readonly #at: number;
  /** The place among calls at once; null for none. */
  readonly #place: Held | null;
  /** Taken when it was let in, for its first attempt. */
  #unused: Held | null;
  readonly #held = new Map<number, Held>();
  readonly #asked = new Map<number, Promise<AttemptGrant>>();
  /** Attempts that are over and not charged yet. */
  readonly #ending = new Set<number>();
  #waiting: (() => void)[] = [];
  #further = 0;
  #over = false;

  constructor(
    host: GrantHost,
    facts: {
      readonly exchange: string;
      readonly store: LimitStore;
      readonly set: RuleSet;
      readonly estimate: Estimate | null;
      readonly leaseMs: number;
      readonly at: number;
      readonly place: Held | null;
      readonly main: Held | null;
      readonly headers: LimitHeaders;
    },
  ) {
    this.#host = host;
    this.exchange = facts.exchange;
    this.headers = facts.headers;
    this.#store = facts.store;
    this.#set = facts.set;
    this.#estimate = facts.estimate;
    this.#leaseMs = facts.leaseMs;
    this.#at = facts.at;
    this.#place = facts.place;
    this.#unused = facts.main;
    if (facts.main !== null) host.held(facts.main.reservation, 1);
  }

  attempt(number: number, target: Target): AttemptGrant | Promise<AttemptGrant> {
    // One that nobody waits for any more has the number still.
    const before = this.#asked.get(number);
    if (before !== undefined) {
      // Who gave it up gives it back once it is told, a few steps from now: asked earlier, that would take the hold of this one.
      return before.then(nextTurn).then(() => this.attempt(number, target));
    }
    const answer = this.#attempt(number, target);
    if (!(answer instanceof Promise)) return answer;
    const known = answer.finally(() => this.#asked.delete(number));
    this.#asked.set(number, known);
    return known;
  }

  #attempt(number: number, target: Target): AttemptGrant | Promise<AttemptGrant> {
    const first = this.#unused;
    this.#unused = null;
    if (this.#estimate === null) {
      if (first !== null) this.#held.set(number, first);
      return granted;
    }
    const reservation = this.#estimate.at(target);
    if (reservation.nanoUsd === null) {
      this.#unused = first;
      return { ok: false, error: targetPriceUnknown(target) };
    }
    if (first !== null) {
      if (reservation.tokens <= first.reservation.tokens && reservation.nanoUsd <= first.reservation.nanoUsd!) {
        this.#held.set(number, first);
        return granted;
      }
      this.#giveBack(first, 0);
    }
    const charges = attemptCharges(this.#set.rules, reservation, number === 1);
    return charges.length === 0 ? granted : this.#take(number, target, charges, reservation);
  }

  /** The ledger has charged an attempt, in this turn. */
  charged(number: number, tokens: number): void {
    const held = this.#held.get(number);
    if (held !== undefined) {
      this.#held.delete(number);
      this.#giveBack(held, tokens);
    }
    if (this.#ending.delete(number) && this.#ending.size === 0) this.#wake();
  }

  ended(number: number): void {
    if (this.#held.has(number)) this.#ending.add(number);
  }

  settled(number: number): void {
    this.charged(number, 0);
  }

  leave(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#unused !== null) this.#giveBack(this.#unused, 0);
    this.#unused = null;
    for (const held of this.#held.values()) this.#giveBack(held, null);
    this.#held.clear();
    this.#ending.clear();
    this.#wake();
    if (this.#place !== null) this.#store.settle(this.#place.id, []);
    this.#host.left(this);
  }

  #take(
    number: number,
    target: Target,
    charges: readonly Charge[],
    reservation: Reservation,
  ): AttemptGrant | Promise<AttemptGrant> {
    const held: Held = { id: `${this.exchange}.${number}.${++this.#further}`, charges, reservation };
    const taken = this.#store.take(held.id, charges, this.#leaseMs, this.#at);
    if (!(taken instanceof Promise)) return this.#taken(number, target, held, taken);
    return taken.then(
      (result) => this.#taken(number, target, held, result),
      (cause: unknown): AttemptGrant => {
        // It may have been taken all the same.
        this.#store.settle(held.id, actual(charges, 0));
        // As at the entrance: where no budget holds, a store that is away keeps nobody out.
        if (cause instanceof LimitStoreError && !this.#set.strict) return granted;
        const error = budgetsUnavailable(cause);
        this.#host.refused(error);
        return { ok: false, error };
      },
    );
  }

  #taken(number: number, target: Target, held: Held, taken: Taken): AttemptGrant | Promise<AttemptGrant> {
    if (!taken.ok) {
      // What an attempt before it held is free once its row is charged, a moment from now.
      if (this.#ending.size > 0)
        return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#attempt(number, target));
      const { rule, amount } = held.charges[taken.refused]!;
      const error = refusal(rule as NamedRule, amount, taken, this.#at);
      this.#host.refused(error);
      return { ok: false, error };
    }
    this.#host.held(held.reservation, 1);
    if (this.#over) this.#giveBack(held, 0);
    else this.#held.set(number, held);
    return granted;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** `tokens`: really used; null: unknown, which stays as it was taken. */
  #giveBack(held: Held, tokens: number | null): void {
    this.#host.held(held.reservation, -1);
    this.#store.settle(held.id, actual(held.charges, tokens));
  }
}

/** What a refused attempt is told the caller by. */
export function attemptError(error: Error): GatewayError {
  return error instanceof GatewayError ? error : budgetsUnavailable(error);
}
