import type { Credential } from '../../providers/provider.ts';
import type { Exchange } from '../exchange/index.ts';
import type { Grant } from '../limits/contract.ts';
import type { Admission, Candidate, Purpose, SendNote } from '../router/index.ts';
import { type AttemptOutcome, estimateOutput, type OpenAttempt, type SettledCost } from '../usage/index.ts';
import type { Attempt } from './attempt.ts';
import type { Watchdog } from './watchdog.ts';

/** A prompt prefix that an upstream keeps for one key. */
export interface PrefixReference {
  readonly digest: string;
  readonly credential: Credential;
}

/** An attempt with what has to be closed after it: its ledger row and its place in the target's health. */
export interface OpenSend {
  readonly attempt: Attempt;
  readonly candidate: Candidate;
  readonly purpose: Purpose;
  /** Its clocks; a hedge has its own. */
  readonly watchdog: Watchdog;
  readonly note: SendNote;
  readonly record: OpenAttempt;
  readonly admission: Admission;
  /** The prompt prefix that the request refers to; null for none. */
  readonly prefix: PrefixReference | null;
  /** Fields of the call that have no effect at the target. */
  readonly ignored: readonly string[];
}

function addCost(exchange: Exchange, cost: SettledCost): void {
  if (cost.nanoUsd === null || exchange.costNano === null) exchange.costNano = null;
  else exchange.costNano += cost.nanoUsd;
  if (cost.source === 'none') return;
  exchange.usageSource = exchange.usageSource === 'estimated' ? 'estimated' : cost.source;
  if (exchange.usage === null) {
    exchange.usage = cost.quantities;
    return;
  }
  const sum: Record<string, number> = { ...exchange.usage };
  for (const [kind, count] of Object.entries(cost.quantities)) sum[kind] = (sum[kind] ?? 0) + count;
  exchange.usage = sum;
}

/**
 * Writes how one attempt ended and adds its cost to the exchange. `committed` is called once the row survives the process;
 * what the caller must not see before that is sent from there. `status`: what the caller is, or would be, told.
 */
export function settleAttempt(
  { exchange, grant }: { readonly exchange: Exchange; readonly grant: Grant | null },
  { attempt, record, note }: OpenSend,
  outcome: AttemptOutcome,
  reason: string | null,
  status: number,
  committed: (() => void) | null = null,
): void {
  const endedAt = attempt.endedAt === 0 ? performance.now() : attempt.endedAt;
  const startedAt = attempt.startedAt === 0 ? endedAt : attempt.startedAt;
  const { reader } = attempt;
  note.firstContent = attempt.firstContentAt === 0 ? null : attempt.firstContentAt - exchange.startedAt;
  note.firstByte = attempt.headAt === 0 ? null : attempt.headAt - exchange.startedAt;
  note.ended = endedAt - exchange.startedAt;
  note.outcome = outcome;
  note.reason = reason;
  grant?.ended(attempt.number);
  const settled = record.settle({
    outcome,
    reason,
    status,
    upstreamStatus: attempt.upstreamStatus,
    servedModel: reader.servedModel,
    usage: reader.usage,
    estimatedOutput: estimateOutput(reader.characters),
    unsent: !attempt.sent,
    endedAt: Date.now(),
    firstContentMs: attempt.firstContentAt === 0 ? null : attempt.firstContentAt - startedAt,
    totalMs: endedAt - startedAt,
  });
  settled.then((cost) => {
    addCost(exchange, cost);
    grant?.settled(attempt.number);
    committed?.();
    exchange.release();
  });
}
