import { distance } from '../../config/nearest.ts';

/** Up to `count` of `names` that look like `name`: near in spelling, or one begins with the other. */
export function nearest(name: string, names: Iterable<string>, count = 3): string[] {
  const asked = name.slice(0, 128).toLowerCase();
  const limit = Math.max(2, Math.floor(asked.length / 4));
  const found: { name: string; score: number }[] = [];
  for (const each of names) {
    const known = each.toLowerCase();
    const bare = known.slice(known.indexOf('/') + 1);
    const begins = asked.length >= 3 && (bare.startsWith(asked) || known.startsWith(asked) || asked.startsWith(bare));
    const score = begins ? 0.5 : Math.min(distance(asked, known, limit), distance(asked, bare, limit));
    if (score <= limit) found.push({ name: each, score });
  }
  return found
    .sort((a, b) => a.score - b.score || a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map((each) => each.name);
}
