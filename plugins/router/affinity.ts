import type { Candidate } from './candidate.ts';

/** A target may have this many times the requests of the average other candidate before calls that belong to it go elsewhere. */
const mostLoad = 2;
/** Below this many requests nothing is busy. */
const idle = 8;

/** FNV-1a over the UTF-16 units; 32 bits. */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) {
    hash ^= text.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** Spreads two 32-bit numbers over (0, 1): the finaliser of MurmurHash3. */
function unit(a: number, b: number): number {
  let hash = a ^ Math.imul(b, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 0x1_0000_0000;
}

/**
 * Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): calls of one key go to the same candidate while it is one, keys
 * are spread by weight, and what leaves moves only its own keys. Null when the one they belong to has too much to do: twice what
 * the others have on average, each measured by its weight.
 */
export function belongingTo(candidates: readonly Candidate[], key: number): Candidate | null {
  let best: Candidate | null = null;
  let bestScore = Number.NEGATIVE_INFINITY;
  let inFlight = 0;
  let weights = 0;
  for (let at = 0; at < candidates.length; at++) {
    const candidate = candidates[at]!;
    const { weight } = candidate.target;
    if (weight === 0) continue;
    inFlight += candidate.state.inFlight;
    weights += weight;
    const score = -weight / Math.log(unit(key, candidate.idHash));
    if (score <= bestScore) continue;
    best = candidate;
    bestScore = score;
  }
  if (best === null || best.state.inFlight < idle) return best;
  const { weight } = best.target;
  const others = weights - weight;
  // With itself in the average, one of two could never be above twice of it.
  return best.state.inFlight * others > mostLoad * weight * (inFlight - best.state.inFlight) && others > 0 ? null : best;
}
