import type { Static } from '@sinclair/typebox';
import type { Allowance } from '../../plugins/exchange/index.ts';
import { LimitStoreError, type Limits } from '../../plugins/limits/contract.ts';
import type { StandingSchema } from '../../schemas/admin-policy.ts';

/** How the limits of keys and teams stand now. */
export type Standing = Limits['standing'];

/** The member `usage` of a key or a team; left out where nobody can say, as while the store of limits is away. */
export async function usageOf(
  standing: Standing | undefined,
  allowances: readonly Allowance[],
): Promise<{ usage?: Static<typeof StandingSchema>[] }> {
  if (standing === undefined) return {};
  try {
    const each = await Promise.all(
      allowances.map(async (one) => (await standing([one])).map((rule) => ({ scope: one.scope, ...rule }))),
    );
    return { usage: each.flat() };
  } catch (error) {
    if (error instanceof LimitStoreError) return {};
    throw error;
  }
}
