import { NO_SIGNATURE } from '../dialect.ts';
import type { ModelFacts } from '../models.ts';
import type { Piece } from './pieces.ts';

/**
 * Puts the sentinel where the API insists on a thought signature and there is none: on the first function call of each step
 * since the user last said something. Older models never get one: they issue none of their own that has to come back.
 */
export function fillSignatures(pieces: readonly Piece[], facts: ModelFacts): void {
  if (!facts.signatures) return;
  if (facts.output.includes('image')) signPictures(pieces);
  const turn = pieces.findLastIndex((piece) => piece.role === 'user' && piece.kind === 'said');
  let first = true;
  for (let at = turn + 1; at < pieces.length; at++) {
    const piece = pieces[at]!;
    if (piece.role === 'user') {
      first = true;
      continue;
    }
    const call = first ? piece.parts.find((part) => part.functionCall !== undefined) : undefined;
    if (call === undefined) continue;
    first = false;
    call.thoughtSignature ??= NO_SIGNATURE;
  }
}

/** Models that draw want one on every picture of theirs too, and the API of the client has no place for those. */
function signPictures(pieces: readonly Piece[]): void {
  for (const piece of pieces) {
    if (piece.role !== 'model') continue;
    for (const part of piece.parts) if (part.inlineData !== undefined) part.thoughtSignature ??= NO_SIGNATURE;
  }
}
