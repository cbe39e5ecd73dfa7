import type { Quantities } from '../../providers/unified.ts';
import type { Intent, Settlement, UsageSource } from './contract.ts';
import { maxQuantity, plausible } from './money.ts';

/** Quantities an attempt is charged for and where they come from. */
export interface Accounted {
  readonly quantities: Quantities;
  readonly source: UsageSource;
}

const nothing: Accounted = { quantities: { input: 0, output: 0 }, source: 'none' };

/** Below this a status means the upstream worked on the request. */
const firstRefusal = 300;

/** What generates nothing. */
const silent: ReadonlySet<Intent['operation']> = new Set(['embeddings', 'context_cache'] as const);

function atLeastOne(estimate: number): number {
  return Number.isFinite(estimate) ? Math.min(maxQuantity, Math.max(1, Math.ceil(estimate))) : 1;
}

/**
 * The source rule. The provider's numbers count when there are any (numbers no attempt can have are no numbers). What was
 * never sent, or refused with a status before any content, is not charged. Everything else was possibly worked on, and paid
 * for, upstream: it is estimated, never 0 (`faults.md` U5, U8, U10), but for what a stream that was left counted at its beginning.
 */
export function account(intent: Pick<Intent, 'estimatedInput' | 'operation'>, settlement: Settlement): Accounted {
  const { usage, unsent, outcome, upstreamStatus, firstContentMs, estimatedOutput } = settlement;
  const content = firstContentMs !== null || estimatedOutput > 0;
  // Some servers fill in zeros instead of leaving usage out.
  const counted = usage !== null && (!content || (usage.input ?? 0) + (usage.output ?? 0) > 0) && plausible(usage);
  const whole = counted && (usage.output !== undefined || silent.has(intent.operation));
  if (whole) return { quantities: usage, source: 'provider' };
  if (unsent) return nothing;
  if (outcome === 'failed' && upstreamStatus >= firstRefusal && !content) return nothing;
  const generated = (content || outcome === 'ok') && !silent.has(intent.operation);
  return {
    quantities: {
      input: atLeastOne(intent.estimatedInput),
      ...(counted && (usage.input ?? 0) > 0 ? usage : {}),
      output: generated ? atLeastOne(estimatedOutput) : 0,
    },
    source: 'estimated',
  };
}
