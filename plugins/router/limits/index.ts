import type { ConcurrencyConfig } from '../../../schemas/config.ts';
import type { ConcurrencyLimit } from '../target-state.ts';

/** The limit a target's entry asks for; null for none. */
export function limitOf(config: Readonly<ConcurrencyConfig> | undefined): ConcurrencyLimit | null {
  if (config?.max === undefined) return null;
  return { limit: config.max, answered() {}, refused() {} };
}
