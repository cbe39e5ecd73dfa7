import type { DecisionBody } from '../../schemas/decision.ts';
import { render } from './document.ts';

/** Which decisions are wanted. */
export interface PageRequest {
  /** What stands before this position; null: all. */
  readonly before: number | null;
  /** Unix milliseconds: calls that began then or later. */
  readonly from: number;
  /** At most so many. */
  readonly limit: number;
  /** What the caller named; null: any. */
  readonly model: string | null;
  /** One that was asked; null: any. */
  readonly provider: string | null;
  readonly outcome: string | null;
}

/** The newest first, in the order in which the calls ended. */
export interface DecisionPage {
  readonly data: readonly DecisionBody[];
  /** Where the next page begins; null when this is the last one. */
  readonly next: number | null;
}

/** A decision with its place among all of them: a larger one came later. */
export interface PlacedRecord {
  readonly position: number;
  readonly record: string;
}

/** Decisions that are looked through for one page. */
export const scanned = 5_000;

function isWanted(decision: DecisionBody, { model, provider, outcome }: PageRequest): boolean {
  if (model !== null && decision.model !== model) return false;
  if (outcome !== null && decision.outcome !== outcome) return false;
  return provider === null || decision.attempts.some(({ target }) => target.startsWith(`${provider}/`));
}

/**
 * One page of the records before `request.before`, which come newest first; `most` of them, or fewer where there are no more. To go on it has
 * to be known where the last one stood that was looked at, wanted or not.
 */
export function pageOf(records: readonly PlacedRecord[], request: PageRequest, most = scanned): DecisionPage {
  const data: DecisionBody[] = [];
  let next: number | null = null;
  for (const { position, record } of records) {
    if (data.length === request.limit) return { data, next };
    next = position;
    const decision = render(record);
    if (decision === null || decision.created_at * 1000 < request.from || !isWanted(decision, request)) continue;
    data.push(decision);
  }
  return { data, next: records.length === most ? next : null };
}
