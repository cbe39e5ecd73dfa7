import type { Budget, RateLimits } from '../../schemas/config.ts';
import type { GatewayOption } from '../../schemas/gateway-options.ts';
import type { AdminRole } from '../admin/scope.ts';
import type { KeyAttributes } from './contract.ts';

// What is kept of keys, teams and admin keys (`fastify.records`). Times are unix seconds.

/** One secret of a key, by its digest alone. */
export interface KeptSecret {
  /** HMAC-SHA-256(pepper, SHA-256(secret)), base64. */
  readonly digest: string;
  /** Which pepper the digest was made with. */
  readonly pepper_id: string;
  /** Not taken from then on; null: as long as the key. */
  readonly until: number | null;
}

interface Policy {
  readonly name: string;
  readonly models: readonly string[] | null;
  readonly providers: readonly string[] | null;
  readonly rate_limits: RateLimits;
  readonly budgets: readonly Budget[];
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly created_at: number;
  readonly updated_at: number;
}

export interface KeyDocument extends Policy {
  /** `team_…`. */
  readonly team: string | null;
  readonly options: readonly GatewayOption[] | null;
  readonly expires_at: number | null;
  readonly log: boolean;
  readonly disabled: boolean;
  readonly hint: string | null;
  readonly created_by: string;
  /** Newest first: the one in force, and the one before it while they overlap. */
  readonly secrets: readonly KeptSecret[];
}

export type TeamDocument = Policy;

export interface AdminKeyDocument {
  readonly name: string;
  readonly role: Exclude<AdminRole, 'full'>;
  readonly team: string | null;
  readonly hint: string | null;
  readonly created_at: number;
  readonly created_by: string;
  readonly expires_at: number | null;
  readonly secret: KeptSecret;
}

/** Of collection `secret`: with what digests are made. */
export interface PepperDocument {
  /** 32 random bytes, base64. */
  readonly pepper: string;
}

export function attributesOf(document: KeyDocument): KeyAttributes {
  const { models, providers, options, rate_limits: rateLimits, budgets, metadata, log } = document;
  return { models, providers, options, rateLimits, budgets, metadata, log };
}
