import { placeholder } from '../../config/rules/secrets.ts';
import type { Config } from '../../schemas/config.ts';
import type { AdminScope } from '../admin/scope.ts';
import { modelBeyond } from '../auth/permission.ts';
import { PermissionError, ValidationError } from '../errors/index.ts';
import type { KeyInput, PolicyInput, TeamInfo } from './contract.ts';
import { isWellFormed, keyPrefix } from './token.ts';

// What may be asked for. Nobody gives more than they have.

const beyond = (param: string, what: string): PermissionError =>
  new PermissionError(
    `This admin key is for one team and cannot give ${what}. Leave it out, or use ADMIN_API_KEY.`,
    'grant_exceeds',
    param,
  );

/**
 * Holds what a key is to have against what the admin key has: all of it the holder of ADMIN_API_KEY, of a team's admin what the team
 * may. `options`: what every key may set in the body object `gateway`. Throws `PermissionError`.
 */
export function checkGrant(input: KeyInput, scope: AdminScope, team: TeamInfo | null, options: readonly string[]): void {
  if (scope.role === 'full') return;
  if (scope.role !== 'team' || scope.team === null || team === null || team.id !== scope.team) {
    throw beyond('team', 'a key of another team, or of none');
  }
  if (input.models != null && modelBeyond(input.models, team.models) !== null)
    throw beyond('models', 'a model the team may not use');
  if (input.providers != null && team.providers !== null) {
    const { providers } = team;
    if (input.providers.some((name) => !providers.includes(name))) throw beyond('providers', 'a provider the team may not use');
  }
  if (input.options?.some((name) => !options.includes(name))) {
    throw beyond('options', 'an option that is not in auth.options');
  }
  if (input.log === false) throw beyond('log', 'calls without a line in the access log');
}

/** The new secret of a key is the key: throws `PermissionError` where that may do what the admin key could not give it. */
export function checkHandOver(key: KeyInput, scope: AdminScope, team: TeamInfo | null, options: readonly string[]): void {
  checkGrant({}, scope, team, options);
  if (scope.role === 'full') return;
  if (key.log !== false && !key.options?.some((name) => !options.includes(name))) return;
  throw new PermissionError(
    'This key has options or a silence in the access log that this admin key cannot give, so its new secret is not for it either. Use ADMIN_API_KEY; a key that leaked can be disabled or deleted.',
    'grant_exceeds',
  );
}

/** Throws `ValidationError` for what no key and no team can have. */
export function checkPolicy({ models, providers, budgets }: PolicyInput, configured: Config['providers']): void {
  models?.forEach((name, at) => {
    const star = name.indexOf('*');
    if (star === -1 || star === name.length - 1) return;
    throw new ValidationError('A pattern has its * at the end and nowhere else, such as `small-*`.', `models[${at}]`);
  });
  providers?.forEach((name, at) => {
    if (Object.hasOwn(configured, name)) return;
    throw new ValidationError(
      'There is no provider of this name in the configuration.',
      `providers[${at}]`,
      'provider_not_found',
    );
  });
  budgets?.forEach(({ amount_usd: usd, tokens, requests }, at) => {
    if ([usd, tokens, requests].filter((each) => each !== undefined).length === 1) return;
    throw new ValidationError('A budget has exactly one of amount_usd, tokens and requests.', `budgets[${at}]`);
  });
}

/** `expires_at` in unix seconds. Throws `ValidationError` where it is over already. */
export function checkExpiry(expiresAt: number | null | undefined, nowSeconds: number): void {
  if (expiresAt == null || expiresAt > nowSeconds) return;
  throw new ValidationError(
    'expires_at is in the past (unix seconds are wanted). Disable or delete a key that is to end now.',
    'expires_at',
  );
}

/** Throws `ValidationError` for a secret that protects nothing, or that could never be sent. */
export function checkStaticKey(key: string): void {
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new ValidationError('Callers send the key in a header: use printable ASCII without spaces.', 'key');
  if (placeholder(key) || new Set(key).size < 5) {
    throw new ValidationError(
      'This key is a placeholder or easily guessed. Leave `key` out to have one made.',
      'key',
      'weak_key',
    );
  }
  if (key.startsWith(keyPrefix) && !isWellFormed(key, keyPrefix)) {
    throw new ValidationError(
      `A key that begins with ${keyPrefix} has to end in its checksum; a character of this one is wrong.`,
      'key',
    );
  }
}

/** SHA-256 of a key as base64, from hex or any base64. Throws `ValidationError`. */
export function fingerprintFrom(sha256: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(sha256)) return Buffer.from(sha256, 'hex').toString('base64');
  const bytes = /^[A-Za-z0-9+/_-]{43}=?$/.test(sha256) ? Buffer.from(sha256, 'base64') : null;
  if (bytes?.length === 32) return bytes.toString('base64');
  throw new ValidationError('sha256 is the SHA-256 of the key: 64 hex digits, or base64 of the 32 bytes.', 'sha256');
}
