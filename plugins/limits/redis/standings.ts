import type { Rule, Standing } from '../contract.ts';
import { askAgainMs } from '../counter.ts';

// What the states mean that the scripts answer with: 'used' or 'used:held' of calendar and concurrent counters, 'current:earlier:elapsed'
// of windows, what is missing of a bucket.

/** What a rule's counter says. */
export interface State {
  readonly used: number;
  readonly held: number;
  /** Of windows: counted in the current one, in the one before, and milliseconds since the current one began. */
  readonly current: number;
  readonly earlier: number;
  readonly elapsed: number;
}

/** Parts of windows are no integers. */
const tolerance = (limit: number): number => 1e-9 + limit * 1e-12;

export function readState({ span }: Rule, text: string): State {
  const [first = 0, second = 0, third = 0] = text.split(':').map(Number);
  if (span.kind !== 'rate') return { used: first, held: second, current: 0, earlier: 0, elapsed: 0 };
  if (span.algorithm === 'token_bucket') return { used: first, held: 0, current: first, earlier: 0, elapsed: 0 };
  const sliding = span.algorithm === 'sliding_window';
  const used = sliding ? first + second * (1 - third / span.windowMs) : first;
  return { used, held: 0, current: first, earlier: sliding ? second : 0, elapsed: third };
}

/** `end`: of the calendar period, `now` by the server. */
export function standing({ span, limit }: Rule, state: State, now: number, end: number): Standing {
  const left = Math.max(0, Math.floor(limit - state.used + (span.kind === 'rate' ? tolerance(limit) : 0)));
  return { left, resetMs: Math.max(0, Math.ceil(resetMs(span, limit, state, now, end))) };
}

function resetMs(span: Rule['span'], limit: number, state: State, now: number, end: number): number {
  if (span.kind === 'concurrent') return 0;
  if (span.kind === 'calendar') return end - now;
  if (span.algorithm === 'token_bucket') return limit === 0 ? 0 : (state.current * span.windowMs) / limit;
  const rest = span.windowMs - state.elapsed;
  if (span.algorithm === 'fixed_window') return state.current === 0 ? 0 : rest;
  if (state.current > 0) return span.windowMs + rest;
  return state.earlier > 0 ? rest : 0;
}

/** Milliseconds until `amount` may fit; null when waiting does not help. */
export function wait({ span, limit }: Rule, amount: number, state: State): number | null {
  if (span.kind === 'calendar') return state.used - state.held + amount <= limit ? askAgainMs : null;
  if (amount > limit) return null;
  if (span.kind === 'concurrent') return askAgainMs;
  return Math.max(1, Math.ceil(untilFits(span, amount, limit, state)));
}

function untilFits(span: Extract<Rule['span'], { kind: 'rate' }>, amount: number, limit: number, state: State): number {
  if (span.algorithm === 'token_bucket') return ((state.current + amount - limit) * span.windowMs) / limit;
  const next = span.windowMs - state.elapsed;
  if (span.algorithm === 'fixed_window') return next;
  const room = limit - state.current - amount;
  if (room >= 0) return span.windowMs * (1 - room / state.earlier) - state.elapsed;
  return next + Math.max(0, span.windowMs * (1 - (limit - amount) / state.current));
}
