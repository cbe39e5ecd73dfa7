import type { Config } from '../../schemas/config.ts';
import type { KeyAttributes, KeyInfo, TeamInfo } from './contract.ts';
import { allowanceOf, principalOf } from './principal.ts';

// Keys and teams as the configuration has them.

export const configuredKeyId = (name: string): string => `key_${name}`;
export const configuredTeamId = (name: string): string => `team_${name}`;

export function configuredTeam(name: string, team: Config['teams'][string]): TeamInfo {
  const id = configuredTeamId(name);
  const { rate_limits: rateLimits = {}, budgets = [] } = team;
  return Object.freeze({
    id,
    name,
    source: 'config',
    models: team.models ?? null,
    providers: team.providers ?? null,
    allowance: allowanceOf('team', id, name, rateLimits, budgets),
    rateLimits,
    budgets,
    metadata: team.metadata ?? null,
    createdAt: null,
    updatedAt: null,
    version: null,
  });
}

/** `teamOf`: the team of an id, where there is one. */
export function configuredKey(name: string, key: Config['keys'][string], teamOf: (id: string) => TeamInfo | null): KeyInfo {
  const id = configuredKeyId(name);
  const team = key.team === undefined ? null : configuredTeamId(key.team);
  const found = team === null ? null : teamOf(team);
  const attributes: KeyAttributes = {
    models: key.models ?? null,
    providers: key.providers ?? null,
    options: key.options ?? null,
    rateLimits: key.rate_limits ?? {},
    budgets: key.budgets ?? [],
    metadata: key.metadata ?? null,
    log: key.log ?? true,
  };
  return Object.freeze({
    id,
    name,
    team,
    source: 'config',
    hint: null,
    principal: principalOf(id, name, attributes, team, found),
    attributes,
    createdAt: null,
    updatedAt: null,
    createdBy: null,
    // A day alone is its first moment, UTC.
    expiresAt: key.expires_at === undefined ? null : Math.floor(Date.parse(key.expires_at) / 1000),
    previousUntil: null,
    disabled: false,
    orphaned: team !== null && found === null,
    version: null,
  });
}
