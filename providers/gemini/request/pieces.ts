import type { CacheHint } from '../../unified.ts';
import type { GeminiPart } from './media.ts';

/** A turn as the API has it. */
export interface Content {
  readonly role: 'user' | 'model';
  readonly parts: readonly GeminiPart[];
}

/**
 * The smallest run of parts that a conversation may be cut behind: a part of a user's message, a message of the model, all
 * results of one turn of the model.
 */
export interface Piece {
  readonly role: 'user' | 'model';
  /** `results`: function responses, which the API wants in a content of their own right behind the calls. */
  readonly kind: 'said' | 'results';
  readonly parts: GeminiPart[];
  /** Position of the client's message. */
  readonly message: number;
  /** The caller's mark: up to and including this piece. */
  readonly cache?: CacheHint;
}

/** Pieces as contents: what one role says in a row is one content, results stay apart. */
export function contentsOf(pieces: readonly Piece[]): Content[] {
  const contents: { role: 'user' | 'model'; parts: GeminiPart[] }[] = [];
  let before: Piece | null = null;
  for (const piece of pieces) {
    if (before !== null && before.role === piece.role && before.kind === piece.kind) contents.at(-1)!.parts.push(...piece.parts);
    else contents.push({ role: piece.role, parts: [...piece.parts] });
    before = piece;
  }
  return contents;
}
