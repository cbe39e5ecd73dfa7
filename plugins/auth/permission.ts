import type { Principal } from '../exchange/exchange.ts';

/** Whether one entry of a list, an exact name or a pattern that ends in `*`, stands for a model. */
const matches = (entry: string, model: string): boolean =>
  entry === model || (entry.endsWith('*') && model.startsWith(entry.slice(0, -1)));

/** Whether a key may use a model: an exact name of its list, or a pattern that ends in `*`. No list means all. */
export function allows(principal: Principal, model: string): boolean {
  const { models } = principal;
  if (models === null) return true;
  for (const entry of models) if (matches(entry, model)) return true;
  return false;
}

/**
 * The list that stands for what both lists allow; null is all. Two patterns that overlap are one the beginning of the other, so what
 * they have in common is the longer one.
 */
export function bothModels(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  if (one === null || other === null) return one ?? other;
  const both = new Set<string>();
  for (const a of one) {
    for (const b of other) {
      if (matches(b, a)) both.add(a);
      else if (matches(a, b)) both.add(b);
    }
  }
  return [...both];
}

/** The names in both lists; null is all. */
export function bothNames(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  if (one === null || other === null) return one ?? other;
  return one.filter((name) => other.includes(name));
}

/** The first entry of `asked` that allows something `limit` does not; null when there is none. Null as a list is all. */
export function modelBeyond(asked: readonly string[], limit: readonly string[] | null): string | null {
  if (limit === null) return null;
  return asked.find((entry) => !limit.some((each) => matches(each, entry))) ?? null;
}
