import type { CacheHint } from '../unified.ts';

/** Tag of this dialect in `extensions`, signatures and foreign parts. */
export const DIALECT = 'anthropic';

/** A content block, a tool or a system text as it is sent: an object under construction. */
export type Block = Record<string, unknown>;

/** Which blocks the caller marked for caching. */
export type CacheMarks = Map<Block, CacheHint>;

/** One element of `messages`. */
export interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: Block[];
}
