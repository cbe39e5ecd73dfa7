import type { Budget, RateLimits } from '../../schemas/config.ts';
import type { GatewayOption } from '../../schemas/gateway-options.ts';
import type { AdminRole, AdminScope } from '../admin/scope.ts';
import type { Allowance, Principal } from '../exchange/exchange.ts';

// Keys and teams, of the configuration and of the admin API together.

/** `config`: written in the configuration, cannot be changed here. */
export type Source = 'config' | 'api';

/** What a key may do, as it was written: before what its team may is taken into account. */
export interface KeyAttributes {
  readonly models: readonly string[] | null;
  readonly providers: readonly string[] | null;
  /** Null: those of `auth.options`. */
  readonly options: readonly GatewayOption[] | null;
  readonly rateLimits: RateLimits;
  readonly budgets: readonly Budget[];
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly log: boolean;
}

/** What the admin API says of a key. Never its secret. */
export interface KeyInfo {
  /** `key_…`. */
  readonly id: string;
  readonly name: string;
  readonly team: string | null;
  readonly source: Source;
  /** The first characters of the secret, to tell keys apart; null for imported ones. */
  readonly hint: string | null;
  /** With the policy in force, its own and its team's. */
  readonly principal: Principal;
  readonly attributes: KeyAttributes;
  /** Unix seconds. */
  readonly createdAt: number | null;
  readonly updatedAt: number | null;
  /** The name of the admin key that made it. */
  readonly createdBy: string | null;
  readonly expiresAt: number | null;
  /** Until when the secret before the last rotation is taken too; null when it is not. */
  readonly previousUntil: number | null;
  readonly disabled: boolean;
  /** Its team is not there any more: the key is not taken. */
  readonly orphaned: boolean;
  /** Grows with each change; null for those of the configuration. */
  readonly version: number | null;
}

export interface TeamInfo {
  /** `team_…`. */
  readonly id: string;
  readonly name: string;
  readonly source: Source;
  readonly models: readonly string[] | null;
  readonly providers: readonly string[] | null;
  readonly allowance: Allowance | null;
  readonly rateLimits: RateLimits;
  readonly budgets: readonly Budget[];
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly createdAt: number | null;
  readonly updatedAt: number | null;
  readonly version: number | null;
}

/** What the admin API says of an admin key. */
export interface AdminKeyInfo {
  /** `admin_…`. */
  readonly id: string;
  readonly name: string;
  readonly role: Exclude<AdminRole, 'full'>;
  readonly team: string | null;
  readonly hint: string | null;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly version: number;
}

/** `fastify.identity`. */
export interface Identity {
  /** Who has this key; null for one that is unknown, revoked, expired or malformed. Synchronous, from memory; the same time for each of these. */
  find(key: string): Principal | null;
  keys(): readonly KeyInfo[];
  teams(): readonly TeamInfo[];
  key(id: string): KeyInfo | null;
  team(id: string): TeamInfo | null;
  /** A name for counters and the ledger of a provider's key that callers brought: `client_` and 16 hex digits, by an HMAC under the pepper. */
  clientId(secret: string): string;
  /** Whose an admin key is; null for one that is unknown, expired or malformed. */
  findAdmin(key: string): AdminScope | null;
  adminKeys(): readonly AdminKeyInfo[];
  /** Whether keys were ever made through the admin API, or nobody can say: then no door may open because none is left. */
  readonly everMade: boolean;
  /** Why keys that are not found may nevertheless exist; null while all of them are known. */
  problem(): string | null;
  readonly changes: Changes;
}

/** What a key or a team is made with. Null clears; absent leaves as it is, or takes the default. */
export interface PolicyInput {
  readonly name?: string;
  readonly models?: readonly string[] | null;
  readonly providers?: readonly string[] | null;
  readonly rate_limits?: RateLimits | null;
  readonly budgets?: readonly Budget[] | null;
  readonly metadata?: Readonly<Record<string, string>> | null;
}

export interface KeyInput extends PolicyInput {
  /** Id or name of a team. */
  readonly team?: string | null;
  readonly options?: readonly GatewayOption[] | null;
  /** Unix seconds. */
  readonly expires_at?: number | null;
  readonly log?: boolean;
  readonly disabled?: boolean;
}

export interface NewKeyInput extends KeyInput {
  readonly name: string;
  /** A secret of any form to be taken over. */
  readonly key?: string;
  /** SHA-256 of one, hex or base64. */
  readonly sha256?: string;
}

export interface NewTeamInput extends PolicyInput {
  readonly name: string;
}

export interface AdminKeyInput {
  readonly name: string;
  readonly role: Exclude<AdminRole, 'full'>;
  readonly team?: string | null;
  readonly expires_at?: number | null;
}

/** Shown once. `secret` is null where only its hash is known. */
export interface Made<T> {
  readonly info: T;
  readonly secret: string | null;
}

/**
 * Changes by the admin API. Each holds what is asked against what `scope` may give: nobody gives more than they have. `ifMatch` is
 * the header of that name. They reject with `NotFoundError` (also for what is another team's),
 * `PermissionError`, `ValidationError`, `GatewayError` 409 (not now, or not of the configuration's), 412 (changed by another)
 * or `UnavailableError` (503, it cannot be kept).
 */
export interface Changes {
  createKey(input: NewKeyInput, scope: AdminScope): Promise<Made<KeyInfo>>;
  updateKey(id: string, input: KeyInput, ifMatch: string | undefined, scope: AdminScope): Promise<KeyInfo>;
  /** `overlap`: seconds that the secret until now stays good for. One that a rotation before left ends. */
  rotateKey(id: string, overlap: number, ifMatch: string | undefined, scope: AdminScope): Promise<Made<KeyInfo>>;
  removeKey(id: string, ifMatch: string | undefined, scope: AdminScope): Promise<void>;
  createTeam(input: NewTeamInput): Promise<TeamInfo>;
  updateTeam(id: string, input: PolicyInput, ifMatch: string | undefined): Promise<TeamInfo>;
  removeTeam(id: string, ifMatch: string | undefined): Promise<void>;
  /** `by`: the name of who makes it. */
  createAdminKey(input: AdminKeyInput, by: string): Promise<Made<AdminKeyInfo>>;
  removeAdminKey(id: string): Promise<void>;
}
