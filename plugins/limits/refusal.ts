import type { Target } from '../../providers/provider.ts';
import { type ErrorDetails, GatewayError, PermissionError, UnavailableError } from '../errors/classes.ts';
import { formatUsd } from '../usage/usd.ts';
import type { LimitHeaders, Measure, Taken } from './contract.ts';
import { refusalHeaders } from './headers.ts';
import type { NamedRule } from './rules.ts';

/** Which limit refused a call, for the record of its decision and for metrics. */
export interface RefusalNote {
  readonly rule: NamedRule['name'];
  readonly scope: NamedRule['scope']['kind'];
  readonly measure: Measure;
  readonly period: string;
  readonly limit: number;
  readonly left: number;
  /** What the call would have taken. */
  readonly amount: number;
}

/** 429: a limit refused a call. */
export class LimitError extends GatewayError {
  readonly note: RefusalNote;
  /** `x-ratelimit-*` of that limit. */
  readonly headers: LimitHeaders;

  constructor(code: 'rate_limit_exceeded' | 'insufficient_quota', message: string, details: LimitErrorDetails) {
    super(429, code, code, message, details);
    this.note = details.note;
    this.headers = details.headers;
  }
}

interface LimitErrorDetails extends ErrorDetails {
  readonly note: RefusalNote;
  readonly headers: LimitHeaders;
}

type Refused = Extract<Taken, { ok: false }>;

/** Milliseconds: what limits by the minute may ask for. The SDKs wait a minute at most, and come back at once when they are told a longer wait. */
const patience = 120_000;

const unit: Readonly<Record<Measure, string>> = { requests: 'requests', tokens: 'tokens', nano_usd: 'USD' };

const written = (measure: Measure, amount: number): string =>
  measure === 'nano_usd' ? `${formatUsd(amount)} USD` : `${amount} ${unit[measure]}`;

function owner({ scope, owner: name }: NamedRule): string {
  switch (scope.kind) {
    case 'key':
      return `the key \`${name}\``;
    case 'team':
      return `the team \`${name}\``;
    case 'model':
      return `all callers of the model \`${name}\` together`;
    case 'ip':
      return 'your address';
    case 'global':
      return 'all callers together';
  }
}

export function periodOf({ span, name }: NamedRule): string {
  if (span.kind === 'calendar') return span.period;
  return span.kind === 'concurrent' ? 'concurrent' : name.endsWith('day') ? 'day' : 'minute';
}

const within = (rule: NamedRule): string => {
  const period = periodOf(rule);
  return period === 'total' ? 'in total' : `per ${period}`;
};

const smaller: Readonly<Record<Measure, string>> = {
  requests: 'Ask the operator for more.',
  tokens: 'Shorten the request, set a smaller max_completion_tokens, or ask the operator for more.',
  nano_usd: 'Shorten the request, set a smaller max_completion_tokens, use a cheaper model, or ask the operator for more.',
};

/** Why a call was not let in. `now`: unix milliseconds of the store. */
export function refusal(rule: NamedRule, amount: number, refused: Refused, now: number): LimitError {
  const note: RefusalNote = {
    rule: rule.name,
    scope: rule.scope.kind,
    measure: rule.measure,
    period: periodOf(rule),
    limit: rule.limit,
    left: refused.standing.left,
    amount,
  };
  const facts = { note, headers: refusalHeaders(rule, refused.standing) };
  if (rule.name === 'budget') {
    const message = overBudget(rule, amount, refused, now);
    return new LimitError('insufficient_quota', message, { ...facts, shouldRetry: false });
  }
  const { message, retryAfterMs } = overRate(rule, amount, refused);
  const type = rule.measure === 'tokens' ? 'tokens' : 'requests';
  const shouldRetry = retryAfterMs !== null && retryAfterMs <= patience;
  return new LimitError('rate_limit_exceeded', message, { ...facts, type, retryAfterMs, shouldRetry });
}

interface Told {
  readonly message: string;
  readonly retryAfterMs: number | null;
}

function overRate(rule: NamedRule, amount: number, { standing, retryAfterMs }: Refused): Told {
  const { measure, limit } = rule;
  const who = owner(rule);
  if (rule.span.kind === 'concurrent') {
    const message = `Limit of ${limit} calls at once for ${who}: so many are under way.`;
    return { message: `${message} ${retryAfterMs === null ? smaller.requests : 'Try again when one has ended.'}`, retryAfterMs };
  }
  if (amount > limit) {
    const needs = measure === 'tokens' ? `This call may need ${amount} tokens, its longest answer included` : 'This call is one';
    const message = `${needs}; the limit for ${who} is ${written(measure, limit)} ${within(rule)}. ${smaller[measure]}`;
    return { message, retryAfterMs: null };
  }
  const asked = measure === 'tokens' ? ` and this call may need ${amount}` : '';
  return {
    message: `Limit of ${written(measure, limit)} ${within(rule)} for ${who} reached: ${standing.left} left${asked}. Try again when Retry-After says.`,
    retryAfterMs: Math.max(1, retryAfterMs ?? standing.resetMs),
  };
}

function overBudget(rule: NamedRule, amount: number, { standing, retryAfterMs }: Refused, now: number): string {
  const { measure, limit } = rule;
  const { left, resetMs } = standing;
  const budget = `The budget of ${written(measure, limit)} ${within(rule)} for ${owner(rule)}`;
  const anew = Number.isFinite(resetMs) ? `It starts anew at ${instant(now + resetMs)}.` : 'It never starts anew.';
  if (amount > limit) return `${budget} is less than this call may use (${written(measure, amount)}). ${smaller[measure]}`;
  if (left === 0 && retryAfterMs === null) return `${budget} is used up. ${anew}`;
  const held = retryAfterMs === null ? '' : ', as the rest is held for calls under way';
  const rest = `has ${written(measure, left)} left${held}, and this call may use ${written(measure, amount)}`;
  return `${budget} ${rest}. ${anew}`;
}

/** To the nearest second: the clock has gone on a little since the time that is left was found out. */
const instant = (at: number): string => new Date(Math.round(at / 1000) * 1000).toISOString().replace('.000Z', 'Z');

/** No target may be used: a budget in USD holds, and nobody knows what a call costs. */
export function priceUnknown(model: string): PermissionError {
  return new PermissionError(
    `What the model \`${model.slice(0, 100)}\` costs is unknown, and a budget in USD holds for this call. Use a model with a known price, or have the operator write one under prices:.`,
    'price_unknown',
    'model',
  );
}

/** One target of several may not be used. */
export function targetPriceUnknown({ id }: Target): PermissionError {
  return priceUnknown(id);
}

/** Budgets cannot be asked: nothing is let in. */
export function budgetsUnavailable(cause?: unknown): UnavailableError {
  return new UnavailableError(
    'The store of budgets cannot be reached, so nothing that counts against one is sent. Try again shortly, and tell the operator if it lasts.',
    'limits_unavailable',
    { cause },
  );
}
