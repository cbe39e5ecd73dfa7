import type { FinishReason } from '../../unified.ts';

/** What the end of a candidate means: `failed` is an answer that did not come about, unless there is something of it. */
export type Ending = FinishReason | 'failed';

/**
 * Every reason of the API (REST reference, `FinishReason`; MODEL_ARMOR and CONTINUATION were seen beyond it). The position is
 * the number that Vertex AI sends with `$alt=json;enum-encoding=int`.
 */
const REASONS: readonly (readonly [string, Ending])[] = [
  ['FINISH_REASON_UNSPECIFIED', 'failed'],
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['SAFETY', 'content_filter'],
  ['RECITATION', 'content_filter'],
  ['OTHER', 'failed'],
  ['BLOCKLIST', 'content_filter'],
  ['PROHIBITED_CONTENT', 'content_filter'],
  ['SPII', 'content_filter'],
  ['MALFORMED_FUNCTION_CALL', 'failed'],
  ['MODEL_ARMOR', 'content_filter'],
  ['IMAGE_SAFETY', 'content_filter'],
  ['IMAGE_PROHIBITED_CONTENT', 'content_filter'],
  ['IMAGE_RECITATION', 'content_filter'],
  ['IMAGE_OTHER', 'failed'],
  ['UNEXPECTED_TOOL_CALL', 'failed'],
  ['NO_IMAGE', 'failed'],
  ['LANGUAGE', 'content_filter'],
  ['TOO_MANY_TOOL_CALLS', 'failed'],
  ['CONTINUATION', 'length'],
  ['MALFORMED_RESPONSE', 'failed'],
];

const BY_NAME: ReadonlyMap<string, Ending> = new Map(REASONS);

/** The name of a `finishReason`, null when the candidate has not ended. */
export function reasonName(value: unknown): string | null {
  if (typeof value === 'number') return REASONS[value]?.[0] ?? `REASON_${value}`;
  return typeof value === 'string' && value !== '' ? value.slice(0, 64) : null;
}

/** What a reason by its name means. One that is not known is the end of an answer, if there is one. */
export function endingOf(name: string): Ending {
  return BY_NAME.get(name) ?? 'failed';
}
