import type { GatewayError } from '../errors/classes.ts';
import type { Route } from '../router/index.ts';
import type { Charged, Usage } from '../usage/contract.ts';
import { type Charge, type Grant, type LimitedCall, type LimitStore, LimitStoreError, type Taken } from './contract.ts';
import { CallGrant, type GrantHost, type Held } from './grant.ts';
import { limitHeaders } from './headers.ts';
import { budgetsUnavailable, priceUnknown, refusal } from './refusal.ts';
import type { RefusalCounts } from './refusal-counts.ts';
import { Estimate, type Reservation } from './reservation.ts';
import type { RuleBook } from './rule-book.ts';
import type { NamedRule, RuleSet } from './rules.ts';

export interface GateOptions {
  readonly store: LimitStore;
  /** Counts of this process alone, for rates while the store cannot be asked. */
  readonly local: LimitStore;
  readonly book: RuleBook;
  readonly usage: Pick<Usage, 'price'>;
  /** Loads the built-in prices. */
  readonly loadPrices: () => Promise<unknown>;
  readonly assumedOutput: number;
  readonly counts: RefusalCounts;
}

/** A call that is asked to be let in, with all that is known of it. */
interface Entry {
  readonly call: LimitedCall;
  readonly set: RuleSet;
  readonly estimate: Estimate | null;
  readonly reservation: Reservation;
  readonly leaseMs: number;
}

const onlyCounted: Reservation = { tokens: 0, nanoUsd: 0 };

/** The last bytes may wait for a slow caller, the rows for the disk. Milliseconds beyond the longest time a call may take. */
const margin = 120_000;

const longestOf = new WeakMap<Route, number>();

/** Milliseconds after which nothing of a call can be under way any more. */
function leaseOf({ exchange: { config }, route }: LimitedCall): number {
  const known = longestOf.get(route);
  if (known !== undefined) return known + margin;
  let longest = route.timeouts.total ?? config.timeouts.total;
  if (route.timeouts.total === undefined) {
    for (const { targets } of route.groups)
      for (const { provider } of targets) longest = Math.max(longest, provider.config.timeouts?.total ?? 0);
  }
  longestOf.set(route, longest);
  return longest + margin;
}

/** Lets calls in: asks the store for all that their rules count. */
export class Gate implements GrantHost {
  /** Held for calls under way: tokens and integer nano-USD. */
  readonly holds = { tokens: 0, nanoUsd: 0 };
  readonly #options: GateOptions;
  readonly #grants = new Map<string, CallGrant>();
  #pricesLoaded = false;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Calls that were let in and are not over. */
  get size(): number {
    return this.#grants.size;
  }

  enter(call: LimitedCall): Grant | null | Promise<Grant | null> {
    const { store, book } = this.#options;
    const { exchange } = call;
    exchange.chargedAt = Math.trunc(store.now());
    const set = book.find(exchange.principal.allowances, call.route.model, call.ip);
    if (set === null) return null;
    if (set.usd && !this.#pricesLoaded) return this.#withPrices(call);
    const estimate = this.#estimate(call, set);
    const reservation = estimate?.most(call.route) ?? onlyCounted;
    if (reservation.nanoUsd === null) this.#refuse(priceUnknown(call.route.model));
    const entry: Entry = { call, set, estimate, reservation, leaseMs: leaseOf(call) };
    const problem = store.problem();
    return problem === null ? this.#enter(entry, store) : this.#locally(entry, new LimitStoreError(problem));
  }

  /** The ledger has charged an attempt: what was held for it is given back. */
  charged({ intent, tokens }: Charged): void {
    this.#grants.get(intent.exchange)?.charged(intent.attempt, tokens);
  }

  /** An exchange is over. */
  over(exchange: string): void {
    this.#grants.get(exchange)?.leave();
  }

  held({ tokens, nanoUsd }: Reservation, times: 1 | -1): void {
    this.holds.tokens += times * tokens;
    this.holds.nanoUsd += times * (nanoUsd ?? 0);
  }

  refused(error: GatewayError): void {
    this.#options.counts.add(error);
  }

  left(grant: CallGrant): void {
    this.#grants.delete(grant.exchange);
  }

  #estimate({ call }: LimitedCall, { tokens, usd }: RuleSet): Estimate | null {
    const { usage, assumedOutput } = this.#options;
    return tokens || usd ? new Estimate(call, usage, assumedOutput, usd) : null;
  }

  /** The first call that a budget in USD holds for. */
  #withPrices(call: LimitedCall): Promise<Grant | null> {
    const goOn = (): Grant | null | Promise<Grant | null> => {
      this.#pricesLoaded = true;
      return this.enter(call);
    };
    // Without the built-in ones there are those of the configuration.
    return this.#options.loadPrices().then(goOn, goOn);
  }

  #enter(entry: Entry, store: LimitStore): Grant | Promise<Grant> {
    const { concurrent } = entry.set;
    if (concurrent.length === 0) return this.#main(entry, store, null);
    const place: Held = { id: `${entry.call.exchange.id}.at`, charges: concurrent, reservation: onlyCounted };
    const taken = store.take(place.id, concurrent, entry.leaseMs);
    if (taken instanceof Promise) {
      return taken.then(
        (result) => this.#placed(entry, store, place, result),
        (cause: unknown) => {
          store.settle(place.id, []);
          return this.#locally(entry, cause);
        },
      );
    }
    return this.#placed(entry, store, place, taken);
  }

  #placed(entry: Entry, store: LimitStore, place: Held, taken: Taken): Grant | Promise<Grant> {
    return taken.ok ? this.#main(entry, store, place) : this.#refuse(this.#refusal(place.charges, taken, store));
  }

  /** All that is counted besides the place among calls at once. */
  #main(entry: Entry, store: LimitStore, place: Held | null): Grant | Promise<Grant> {
    const { rules } = entry.set;
    if (rules.length === 0) return this.#admit(entry, store, place, null, []);
    const held: Held = {
      id: entry.call.exchange.id,
      charges: charges(rules, entry.reservation),
      reservation: entry.reservation,
    };
    const taken = store.take(held.id, held.charges, entry.leaseMs);
    if (taken instanceof Promise) {
      return taken.then(
        (result) => this.#taken(entry, store, place, held, result),
        (cause: unknown) => {
          // It may have been taken all the same.
          store.settle(held.id, noTokens(held.charges));
          if (place !== null) store.settle(place.id, []);
          return this.#locally(entry, cause);
        },
      );
    }
    return this.#taken(entry, store, place, held, taken);
  }

  #taken(entry: Entry, store: LimitStore, place: Held | null, held: Held, taken: Taken): Grant {
    if (!taken.ok) {
      if (place !== null) store.settle(place.id, []);
      this.#refuse(this.#refusal(held.charges, taken, store));
    }
    return this.#admit(entry, store, place, held, limitHeaders(entry.set.rules, taken.standings));
  }

  #admit(entry: Entry, store: LimitStore, place: Held | null, main: Held | null, headers: readonly string[]): Grant {
    const { call, set, estimate, leaseMs } = entry;
    const { exchange } = call;
    const grant = new CallGrant(this, {
      exchange: exchange.id,
      store,
      set,
      estimate,
      leaseMs,
      at: exchange.chargedAt,
      place,
      main,
      headers,
    });
    // Its end was told while the store was asked.
    if (exchange.settled) grant.leave();
    else this.#grants.set(exchange.id, grant);
    return grant;
  }

  /** Rates go on by what this process counts; a budget that cannot be asked lets nothing in. */
  #locally(entry: Entry, cause: unknown): Grant | Promise<Grant> {
    if (!(cause instanceof LimitStoreError)) throw cause;
    if (entry.set.strict) this.#refuse(budgetsUnavailable(cause));
    return this.#enter(entry, this.#options.local);
  }

  #refusal(taken: readonly Charge[], result: Extract<Taken, { ok: false }>, store: LimitStore): GatewayError {
    const { rule, amount } = taken[result.refused]!;
    return refusal(rule as NamedRule, amount, result, store.now());
  }

  #refuse(error: GatewayError): never {
    this.refused(error);
    throw error;
  }
}

function charges(rules: readonly NamedRule[], { tokens, nanoUsd }: Reservation): readonly Charge[] {
  const list = new Array<Charge>(rules.length);
  for (let at = 0; at < rules.length; at++) {
    const rule = rules[at]!;
    const amount = rule.measure === 'requests' ? 1 : rule.measure === 'tokens' ? tokens : nanoUsd!;
    list[at] = { rule, amount };
  }
  return list;
}

const noTokens = (list: readonly Charge[]): (number | null)[] => list.map(({ rule }) => (rule.measure === 'tokens' ? 0 : null));
