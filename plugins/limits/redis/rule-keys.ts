import type { Charge, Rule, Taken } from '../contract.ts';
import { PeriodClock } from '../period-clock.ts';
import type { LimitKeys } from './keys.ts';
import { counterName } from './own-sums.ts';

/** A take of this process that is not settled. */
export interface OpenTake {
  readonly charges: readonly Charge[];
  /** By the server's clock, unix milliseconds: decides its periods. */
  at: number;
  until: number;
  /** Once the server has said yes. */
  taken: Taken | null;
}

/** An end of a take that the server has to be told. */
export interface Ending {
  readonly id: string;
  readonly actual: readonly (number | null)[];
  readonly take: OpenTake;
}

/** What the scripts call a rule: `c` calendar, `n` concurrent, `f` fixed window, `s` sliding window, `b` token bucket. */
export function kindOf({ span }: Rule): 'c' | 'n' | 'f' | 's' | 'b' {
  if (span.kind === 'calendar') return 'c';
  if (span.kind === 'concurrent') return 'n';
  return span.algorithm === 'fixed_window' ? 'f' : span.algorithm === 'token_bucket' ? 'b' : 's';
}

/** Where rules are counted at a time, unix milliseconds by the server's clock. */
export class RuleKeys {
  readonly #keys: LimitKeys;
  readonly #periods = new PeriodClock();

  constructor(keys: LimitKeys) {
    this.#keys = keys;
  }

  /** The keys that every script about a hold begins with. */
  hold(id: string): string[] {
    return [this.#keys.epoch, this.#keys.leases, this.#keys.hold(id), this.#keys.collect];
  }

  of(rule: Rule, at: number): string {
    if (rule.span.kind === 'calendar') return this.#keys.counter(this.name(rule, at)!);
    return rule.span.kind === 'concurrent' ? this.#keys.concurrent(rule.id) : this.#keys.rate(rule.id);
  }

  /** Name of the sum that a rule counts with; null when it is not of a calendar period. */
  name({ id, span }: Rule, at: number): string | null {
    return span.kind === 'calendar' ? counterName(id, this.#periods.start(span.period, at)) : null;
  }

  /** Unix milliseconds at which a rule's period ends: `otherwise` when it has none, Infinity for a total. */
  end({ span }: Rule, at: number, otherwise: number): number {
    return span.kind === 'calendar' ? this.#periods.end(span.period, at) : otherwise;
  }

  /** Five arguments of the take script. `dated`: the period is that of `at`, whatever the server's clock says. */
  taking({ rule, amount }: Charge, at: number, dated: boolean): (string | number)[] {
    const { span, limit } = rule;
    const kind = kindOf(rule);
    if (span.kind === 'rate') return [kind, amount, limit, span.windowMs, ''];
    if (span.kind === 'concurrent') return [kind, amount, limit - amount, '', ''];
    const end = this.#periods.end(span.period, at);
    const start = dated ? '' : this.#periods.start(span.period, at);
    return [kind, amount, limit - amount, start, end === Number.POSITIVE_INFINITY ? '' : end];
  }
}
