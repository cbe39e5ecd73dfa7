import { type Period, periods } from '../../schemas/limits-config.ts';
import type { Charged, Charges, LedgerSum } from '../usage/contract.ts';
import type { Measure, Rule, Scope, Spent } from './contract.ts';
import { PeriodClock } from './period-clock.ts';
import { periodEnd, periodStart } from './periods.ts';

/** What was charged in one period. */
interface Sum {
  readonly start: number;
  requests: number;
  tokens: number;
  nano_usd: number;
}

/** Which sums of a scope somebody asks for. */
interface Wanted {
  readonly measure: Measure;
  readonly period: Period;
}

interface ScopeTally {
  readonly scope: Scope;
  /** By the place of the period in `periods`: the last few of each, the newest last. */
  readonly sums: readonly Sum[][];
  wanted: Wanted[];
}

const measures = ['requests', 'tokens', 'nano_usd'] as const;
const all: readonly Wanted[] = periods.flatMap((period) => measures.map((measure) => ({ measure, period })));

/** Periods kept of each kind: a long stream is charged to that of its beginning. */
const kept = 3;

export interface TalliesOptions {
  readonly charges: Pick<Charges, 'sums'>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Reports every sum that changes, not only those of rules that were watched. */
  readonly everything: boolean;
}

/**
 * What the ledger has charged, as absolute sums in memory: by everyone, team and key, for each calendar period. Loaded once, then fed
 * by every charge. Sums beyond what a double holds exactly (9 million USD in nano-USD) stay there.
 */
export class Tallies {
  readonly #options: TalliesOptions;
  readonly #clock = new PeriodClock();
  readonly #scopes = new Map<string, ScopeTally>();
  readonly #global: ScopeTally;

  constructor(options: TalliesOptions) {
    this.#options = options;
    this.#global = this.#scope('global', '');
  }

  /**
   * Reads what an earlier process charged, also in the periods beside the present ones: the clock may be wrong at the start and set
   * right afterwards (G25). Waits for the disk. Returns what is to be told the store.
   */
  load(): readonly Spent[] {
    const now = this.#options.now();
    const known = new Map<number, readonly LedgerSum[]>();
    const since = (start: number): readonly LedgerSum[] => {
      if (!known.has(start)) known.set(start, start === Number.POSITIVE_INFINITY ? [] : this.#options.charges.sums(start));
      return known.get(start)!;
    };
    for (const [place, period] of periods.entries()) {
      const start = this.#clock.start(period, now);
      const next = periodEnd(period, start);
      this.#load(place, start, since(start), since(next));
      if (period === 'total') continue;
      const before = periodStart(period, start - 1);
      this.#load(place, before, since(before), since(start));
      this.#load(place, next, since(next), since(periodEnd(period, next)));
    }
    const present: Spent[] = [];
    for (const tally of this.#scopes.values()) this.#report(tally, now, present);
    return present;
  }

  /** Adds a charge where it belongs by its time. Returns the sums that changed. */
  add({ intent, requests, tokens, nanoUsd }: Charged): readonly Spent[] {
    const changed: Spent[] = [];
    const { keyId, team, chargedAt } = intent;
    this.#add(this.#global, chargedAt, requests, tokens, nanoUsd, changed);
    if (team !== null) this.#add(this.#scope('team', team), chargedAt, requests, tokens, nanoUsd, changed);
    if (keyId !== null && limitable(keyId)) this.#add(this.#scope('key', keyId), chargedAt, requests, tokens, nanoUsd, changed);
    return changed;
  }

  /** From now on sums of this rule are reported. Returns its present one. */
  watch({ scope, measure, span }: Rule): Spent | null {
    if (span.kind !== 'calendar' || (scope.kind !== 'global' && scope.kind !== 'team' && scope.kind !== 'key')) return null;
    const tally = this.#scope(scope.kind, scope.id);
    const { period } = span;
    if (!tally.wanted.some((each) => each.measure === measure && each.period === period)) {
      if (!this.#options.everything) tally.wanted = [...tally.wanted, { measure, period }];
    }
    return this.#spent(tally, { measure, period }, this.#options.now());
  }

  /** Sums of a watched rule in other periods than the present one. */
  others({ scope, measure, span }: Rule): readonly Spent[] {
    const tally = this.#scopes.get(`${scope.kind}:${scope.id}`);
    if (span.kind !== 'calendar' || tally === undefined) return [];
    const { period } = span;
    const present = this.#clock.start(period, this.#options.now());
    const sums = tally.sums[periods.indexOf(period)]!.filter(({ start }) => start !== present);
    return sums.map((sum) => ({ scope: tally.scope, measure, period, start: sum.start, amount: sum[measure] }));
  }

  /** The window that begins at `start`: what was charged since then without what was charged `later`. */
  #load(place: number, start: number, since: readonly LedgerSum[], later: readonly LedgerSum[]): void {
    const rest = new Map(later.map((sum) => [`${sum.scope}:${sum.id}`, sum]));
    for (const { scope, id, requests, tokens, nanoUsd } of since) {
      if (scope === 'key' && !limitable(id)) continue;
      const beyond = rest.get(`${scope}:${id}`);
      const window = {
        requests: requests - (beyond?.requests ?? 0),
        tokens: tokens - (beyond?.tokens ?? 0),
        nano_usd: nanoUsd - (beyond?.nanoUsd ?? 0),
      };
      if (window.requests === 0 && window.tokens === 0 && window.nano_usd === 0) continue;
      Object.assign(windowOf(this.#scope(scope, id).sums[place]!, start), window);
    }
  }

  #add(tally: ScopeTally, at: number, requests: number, tokens: number, nanoUsd: number, changed: Spent[]): void {
    for (let place = 0; place < periods.length; place++) {
      const sum = windowOf(tally.sums[place]!, this.#clock.start(periods[place]!, at));
      sum.requests = added(sum.requests, requests);
      sum.tokens = added(sum.tokens, tokens);
      sum.nano_usd = added(sum.nano_usd, nanoUsd);
    }
    this.#report(tally, at, changed);
  }

  #report(tally: ScopeTally, at: number, into: Spent[]): void {
    for (const wanted of tally.wanted) into.push(this.#spent(tally, wanted, at));
  }

  #spent({ scope, sums }: ScopeTally, { measure, period }: Wanted, at: number): Spent {
    const start = this.#clock.start(period, at);
    const sum = sums[periods.indexOf(period)]!.find((each) => each.start === start);
    return { scope, measure, period, start, amount: sum === undefined ? 0 : sum[measure] };
  }

  #scope(kind: LedgerSum['scope'], id: string): ScopeTally {
    const name = `${kind}:${id}`;
    let tally = this.#scopes.get(name);
    if (tally === undefined) {
      const wanted = this.#options.everything ? [...all] : [];
      tally = { scope: { kind, id }, sums: periods.map(() => []), wanted };
      this.#scopes.set(name, tally);
    }
    return tally;
  }
}

/** Callers by a key of their own at a provider have no limits, and anybody makes up any number of them. */
const limitable = (keyId: string): boolean => keyId.startsWith('key_');

const added = (sum: number, amount: number): number => Math.min(Number.MAX_SAFE_INTEGER, sum + amount);

/** That window of the list, made when it is not there; the oldest goes where there are too many. */
function windowOf(sums: Sum[], start: number): Sum {
  let at = sums.length - 1;
  while (at >= 0 && sums[at]!.start > start) at--;
  if (at >= 0 && sums[at]!.start === start) return sums[at]!;
  const sum = { start, requests: 0, tokens: 0, nano_usd: 0 };
  sums.splice(at + 1, 0, sum);
  if (sums.length > kept) sums.shift();
  return sum;
}
