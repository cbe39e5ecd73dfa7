import type { Config, RateLimits } from '../../schemas/config.ts';
import type { Budget } from '../../schemas/limits-config.ts';
import type { Allowance } from '../exchange/exchange.ts';
import type { Charge, Measure, Rule, Scope, Span } from './contract.ts';
import { ruleId } from './rule-id.ts';

export type LimitName = keyof RateLimits | 'budget';

/** A rule with what messages and headers need to know of it. */
export interface NamedRule extends Rule {
  readonly name: LimitName;
  /** Name of the key, the team or the model; empty for the others. */
  readonly owner: string;
  /** A larger budget counts the same: this is a limit by the day that stands for both. */
  readonly budgeted?: true;
}

/** The rules that hold for the calls of one caller, in the order in which refusals are told. */
export interface RuleSet {
  /** Of calls at once: taken first, kept until the call is over. */
  readonly concurrent: readonly Charge[];
  readonly rules: readonly NamedRule[];
  /** Whether any rule asks for tokens, or for what a call costs. */
  readonly tokens: boolean;
  readonly usd: boolean;
  /** Whether any is a budget: nothing is let in that cannot be counted. */
  readonly strict: boolean;
}

const minute = 60_000;
const day = 86_400_000;
const nanoPerUsd = 1e9;

const inMinutes: readonly (readonly [keyof RateLimits, Measure])[] = [
  ['requests_per_minute', 'requests'],
  ['tokens_per_minute', 'tokens'],
];
const inDays: readonly (readonly [keyof RateLimits, Measure])[] = [
  ['requests_per_day', 'requests'],
  ['tokens_per_day', 'tokens'],
];

/** Sums of these are in the ledger. */
const inLedger: ReadonlySet<Scope['kind']> = new Set(['global', 'team', 'key'] as const);

/** Writes rules by what the configuration or an allowance says. */
export class RuleWriter {
  readonly #algorithm: Config['limits']['algorithm'];

  constructor(algorithm: Config['limits']['algorithm']) {
    this.#algorithm = algorithm;
  }

  allowance({ scope, id, name, rates, budgets }: Allowance): readonly NamedRule[] {
    return this.rules({ kind: scope, id }, name, rates, budgets);
  }

  /** Rates before budgets; where two count the same, the smaller one. */
  rules(scope: Scope, owner: string, rates: RateLimits, budgets: readonly Budget[] = []): readonly NamedRule[] {
    const all = new Map<string, NamedRule>();
    const add = (name: LimitName, measure: Measure, span: Span, limit: number | undefined): void => {
      if (limit === undefined) return;
      const rule = { id: ruleId(scope, measure, span), scope, measure, span, limit, name, owner };
      const before = all.get(rule.id);
      const smaller = before === undefined || before.limit > limit ? rule : before;
      const budgeted = name === 'budget' && smaller.name !== 'budget';
      all.set(rule.id, budgeted ? { ...smaller, budgeted } : smaller);
    };
    add('concurrent_requests', 'requests', { kind: 'concurrent' }, rates.concurrent_requests);
    for (const [name, measure] of inMinutes)
      add(name, measure, { kind: 'rate', algorithm: this.#algorithm, windowMs: minute }, rates[name]);
    // A day of what the ledger does not sum up is counted as it passes: windows of unix time are days of UTC.
    const aDay: Span = inLedger.has(scope.kind)
      ? { kind: 'calendar', period: 'day' }
      : { kind: 'rate', algorithm: 'fixed_window', windowMs: day };
    for (const [name, measure] of inDays) add(name, measure, aDay, rates[name]);
    for (const { amount_usd, tokens, requests, period } of budgets) {
      const span: Span = { kind: 'calendar', period };
      if (amount_usd !== undefined) add('budget', 'nano_usd', span, Math.round(amount_usd * nanoPerUsd));
      else if (tokens !== undefined) add('budget', 'tokens', span, tokens);
      else add('budget', 'requests', span, requests);
    }
    return [...all.values()];
  }
}

export function ruleSet(rules: readonly NamedRule[]): RuleSet {
  return {
    concurrent: rules.filter(({ span }) => span.kind === 'concurrent').map((rule) => ({ rule, amount: 1 })),
    rules: rules.filter(({ span }) => span.kind !== 'concurrent'),
    tokens: rules.some(({ measure }) => measure === 'tokens'),
    usd: rules.some(({ measure }) => measure === 'nano_usd'),
    strict: rules.some(({ name, budgeted }) => name === 'budget' || budgeted === true),
  };
}
