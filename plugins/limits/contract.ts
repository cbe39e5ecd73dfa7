import type { Call, Operation, Target } from '../../providers/provider.ts';
import type { Period } from '../../schemas/limits-config.ts';
import type { Allowance, Exchange } from '../exchange/index.ts';
import type { Route } from '../router/index.ts';

// What a call may use. `fastify.limits` asks the rules that hold for a call, all of them or none, of a `LimitStore`; spent amounts
// come from the ledger alone (`Usage.onCharged`), so a counter is the sum of the ledger and what is held for calls under way.

/** What is counted. `nano_usd`: integer nano-USD. */
export type Measure = 'requests' | 'tokens' | 'nano_usd';

/** For whom: everyone, a team, a key, an address (IPv6 by its /64), a model by the name that callers use. */
export interface Scope {
  readonly kind: 'global' | 'team' | 'key' | 'ip' | 'model';
  /** Empty for `global`. */
  readonly id: string;
}

/** How much of it in how long. Times are unix milliseconds by the clock of the store. */
export type Span =
  /** A calendar period of UTC: [start, end); `total` has no end. Counted by the ledger. */
  | { readonly kind: 'calendar'; readonly period: Period }
  /** `windowMs` long, by the configured algorithm. */
  | { readonly kind: 'rate'; readonly algorithm: 'sliding_window' | 'fixed_window' | 'token_bucket'; readonly windowMs: number }
  /** At the same time. */
  | { readonly kind: 'concurrent' };

export interface Rule {
  /** Names the counter: the same for the same scope, measure and span, whatever the limit. Holds no secret and no address in clear. */
  readonly id: string;
  readonly scope: Scope;
  readonly measure: Measure;
  readonly span: Span;
  readonly limit: number;
}

/** Part of a take: `amount` of what the rule counts; integer, at least 0. */
export interface Charge {
  readonly rule: Rule;
  readonly amount: number;
}

/** Where a rule stands after a take, by its place in the take. */
export interface Standing {
  /** What is left of the limit, at least 0. */
  readonly left: number;
  /** Milliseconds until a whole limit is there again; 0 for `concurrent`, Infinity for a total. */
  readonly resetMs: number;
}

export type Taken =
  | { readonly ok: true; readonly standings: readonly Standing[] }
  | {
      readonly ok: false;
      /** Place of the first rule that has not enough left. */
      readonly refused: number;
      readonly standing: Standing;
      /** Milliseconds until the amount may be there; null when waiting does not help within its period, or at all. */
      readonly retryAfterMs: number | null;
    };

/** Spent so far by the ledger of this process: absolute, only ever set, never added (`faults.md` R5). */
export interface Spent {
  readonly scope: Scope;
  readonly measure: Measure;
  readonly period: Period;
  /** Start of the period, unix milliseconds; 0 for `total`. */
  readonly start: number;
  /** Integer. */
  readonly amount: number;
}

/** Cannot be reached or does not answer in time. What is only a rate may go on by local counts; budgets refuse with 503. */
export class LimitStoreError extends Error {
  override readonly name = 'LimitStoreError';
}

/**
 * Holds and counts. Every backend behaves alike (test/plugins/limits/store-suite.ts). `take` and `settle` with an id that is known do
 * nothing a second time, so an unknown outcome may be tried again (R6).
 */
export interface LimitStore {
  readonly kind: 'memory' | 'redis';
  /** Unix milliseconds by the clock that decides windows. */
  now(): number;
  /**
   * Takes all charges or none, atomically. Rates are counted at once, calendar amounts are held and `concurrent` ones occupied until
   * `settle`. A hold that nobody settles lapses after `leaseMs`. `at`: calendar amounts are held in the periods of that time, by the
   * clock of the store, unix milliseconds; absent: of now. Synchronous where no server has to be asked. Rejects with `LimitStoreError`.
   */
  take(id: string, charges: readonly Charge[], leaseMs: number, at?: number): Taken | Promise<Taken>;
  /**
   * Ends a take: holds and places are given back; rates are corrected to what was really used (`actual`, by the places of the take;
   * a null stays as it was taken). What was spent came by `spent` before or with it. Never throws: what cannot be told a server now
   * is told when it is back.
   */
  settle(id: string, actual: readonly (number | null)[]): void;
  /** The ledger's sums that changed. Called before the `settle` that belongs to them, in the same turn of the event loop. */
  spent(sums: readonly Spent[]): void;
  /** Where rules stand, for operators. */
  read(rules: readonly Rule[]): Promise<readonly { readonly used: number; readonly held: number; readonly resetMs: number }[]>;
  /** Why budgets cannot be asked; null while they can. */
  problem(): string | null;
  close(): Promise<void>;
}

/** One call that asks to be let in. */
export interface LimitedCall {
  readonly exchange: Exchange;
  readonly call: Call;
  readonly route: Route;
  readonly operation: Operation;
  /** Address of the caller; undefined on a unix socket. */
  readonly ip: string | undefined;
}

/** Header names and values in turn. */
export type LimitHeaders = readonly string[];

/** A call that was let in. */
export interface Grant {
  /** `x-ratelimit-*` of the caller's own limits, as OpenAI writes them; empty where it has none. */
  readonly headers: LimitHeaders;
  /**
   * Before the send of the attempt with this number to this target: holds what it may cost at most. The first attempt of the call is
   * covered by the grant itself where its target is not dearer. False: it may not be sent, and why.
   */
  attempt(number: number, target: Target): AttemptGrant | Promise<AttemptGrant>;
  /** The attempt is over, and its row is on the way to the ledger: until it is charged its hold stays, and further attempts may wait for that. */
  ended(number: number): void;
  /** The attempt's row is charged in the ledger: its hold is given back. */
  settled(number: number): void;
  /** The exchange is over: what is still held or occupied is given back. Once. */
  leave(): void;
}

export type AttemptGrant = { readonly ok: true } | { readonly ok: false; readonly error: Error };

/** Where one rule stands, as the admin API says it. USD are decimal strings, exact; other amounts integers. */
export interface RuleStanding {
  /** `budget`, or the member of `rate_limits`. */
  readonly rule: string;
  readonly unit: 'requests' | 'tokens' | 'usd';
  /** `minute`, `concurrent`, or the calendar period. */
  readonly period: string;
  readonly limit: number | string;
  readonly used: number | string;
  /** For calls under way. */
  readonly held: number | string;
  /** Unix seconds; null where nothing is used, or it never begins anew. */
  readonly reset_at: number | null;
}

/** Of the limits of this process, for metrics. */
export interface LimitCounts {
  readonly refusals: readonly { readonly rule: string; readonly scope: string; readonly count: number }[];
  /** Calls that were let in and are not over. */
  readonly open: number;
  /** For them. Tokens; integer nano-USD. */
  readonly held: { readonly tokens: number; readonly nanoUsd: number };
  readonly alerts: number;
  readonly webhooks: Readonly<Record<'delivered' | 'failed' | 'dropped', number>>;
}

/** `fastify.limits`. */
export interface Limits {
  /**
   * Lets a call in or throws (rejects with) the `GatewayError` its caller is told: 429 `rate_limit_exceeded` with Retry-After, 429
   * `insufficient_quota` with `x-should-retry: false`, 503 when a budget cannot be asked. Null when no rule holds for the call.
   */
  enter(call: LimitedCall): Grant | null | Promise<Grant | null>;
  readonly store: LimitStore;
  /** Where the rules of a key and of its team stand, in order. Rejects with `LimitStoreError`. */
  standing(allowances: readonly Allowance[]): Promise<readonly RuleStanding[]>;
  counts(): LimitCounts;
}
