/** Numbers 0..1 that follow from the seed (mulberry32). */
export function seeded(seed: string): () => number {
  let state = 0;
  for (const unit of seed) state = Math.imul(state ^ unit.codePointAt(0)!, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Offsets at which `length` bytes are cut: at most `most`, close together at first, where streams open, then anywhere. */
export function randomSplits(length: number, seed: string, most: number): number[] {
  const random = seeded(seed);
  const offsets = new Set<number>();
  for (let at = 1, left = most / 3; left > 0 && at < length; left--, at += 1 + Math.floor(random() * 40)) offsets.add(at);
  for (let left = most - offsets.size; left > 0 && length > 2; left--) offsets.add(1 + Math.floor(random() * (length - 1)));
  return [...offsets].sort((a, b) => a - b);
}
