import type { Allowance, Principal } from '../exchange/exchange.ts';

// Keys and teams, of the configuration and of the admin API together.

/** What the admin API says of a key. Never its secret. */
export interface KeyInfo {
  /** `key_…`. */
  readonly id: string;
  readonly name: string;
  readonly team: string | null;
  /** `config`: written in the configuration, cannot be changed here. */
  readonly source: 'config' | 'api';
  /** The first characters of the secret, to tell keys apart; null for imported ones. */
  readonly hint: string | null;
  readonly principal: Principal;
  /** Unix seconds. */
  readonly createdAt: number | null;
  readonly expiresAt: number | null;
  readonly disabled: boolean;
}

export interface TeamInfo {
  /** `team_…`. */
  readonly id: string;
  readonly name: string;
  readonly source: 'config' | 'api';
  readonly models: readonly string[] | null;
  readonly providers: readonly string[] | null;
  readonly allowance: Allowance | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly createdAt: number | null;
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
}
