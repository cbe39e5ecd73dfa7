import type { Principal } from '../exchange/exchange.ts';

/** Whether a key may use a model: an exact name of its list, or a pattern that ends in `*`. No list means all. */
export function allows(principal: Principal, model: string): boolean {
  const { models } = principal;
  if (models === null) return true;
  for (const entry of models) {
    if (entry === model) return true;
    if (entry.endsWith('*') && model.startsWith(entry.slice(0, -1))) return true;
  }
  return false;
}
