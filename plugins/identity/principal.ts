import type { Budget, RateLimits } from '../../schemas/config.ts';
import { bothModels, bothNames } from '../auth/permission.ts';
import type { Allowance, Principal } from '../exchange/exchange.ts';
import type { KeyAttributes, TeamInfo } from './contract.ts';

/** What a key or a team may use; null where it has no limit of its own. */
export function allowanceOf(
  scope: Allowance['scope'],
  id: string,
  name: string,
  rates: RateLimits,
  budgets: readonly Budget[],
): Allowance | null {
  if (Object.keys(rates).length === 0 && budgets.length === 0) return null;
  return Object.freeze({ scope, id, name, rates: Object.freeze({ ...rates }), budgets: Object.freeze([...budgets]) });
}

const frozen = <T>(list: readonly T[] | null): readonly T[] | null => (list === null ? null : Object.freeze([...list]));

/** Who calls with a key: what it may do is what the key and its team both may. Frozen. */
export function principalOf(
  id: string,
  name: string,
  key: KeyAttributes,
  teamId: string | null,
  team: TeamInfo | null,
): Principal {
  const own = allowanceOf('key', id, name, key.rateLimits, key.budgets);
  return Object.freeze({
    keyId: id,
    name,
    team: teamId,
    allowances: Object.freeze([own, team?.allowance ?? null].filter((each) => each !== null)),
    models: frozen(bothModels(key.models, team?.models ?? null)),
    providers: frozen(bothNames(key.providers, team?.providers ?? null)),
    options: frozen(key.options),
    metadata: key.metadata === null || Object.keys(key.metadata).length === 0 ? null : Object.freeze({ ...key.metadata }),
    log: key.log,
  });
}
