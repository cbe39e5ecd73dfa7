import type { Credential, KeptPrefix, Target, Translation, UpstreamRequest } from '../../providers/provider.ts';
import type { Cause } from './table.ts';

/** What is sent for a call. */
export interface PrefixUse {
  readonly request: UpstreamRequest;
  /** Of the kept prefix the request refers to; null when it is the plain request. */
  readonly digest: string | null;
}

/** One prefix as administrators see it. */
export interface PrefixEntry {
  readonly provider: string;
  /** Id of the provider's key that it is kept for. */
  readonly credential: string;
  /** Upstream model. */
  readonly model: string;
  readonly digest: string;
  /** The upstream's name for it; null unless it is kept. */
  readonly name: string | null;
  readonly state: 'creating' | 'kept' | 'rejected';
  /** The upstream's count where it is kept, else an estimate. */
  readonly tokens: number;
  /** Unix milliseconds, by this machine's clock. */
  readonly createdAt: number;
  /** Of a rejected one: when it may be tried again. */
  readonly expiresAt: number;
  /** Answers that used it. */
  readonly hits: number;
  /** Cached tokens that the upstream reported for those. */
  readonly tokensSaved: number;
}

/** Plain numbers since the start, by provider. */
export interface PrefixCounts {
  readonly provider: string;
  hits: number;
  tokensSaved: number;
  /** Creations by how they ended. */
  readonly creates: { kept: number; rejected: number; failed: number };
  /** Times the upstream had one no more, or refused what referred to it. */
  lost: number;
}

/** `fastify.prefixes`: beginnings of prompts that upstreams keep between calls. */
export interface Prefixes {
  /**
   * Synchronous, on the hot path, never throws: the request to send with the provider's key `credential`, with a reference to a
   * prefix that is kept for that key when there is one. Starts keeping one in the background where that pays.
   */
  choose(target: Target, credential: Credential, translation: Translation, cause: Cause): PrefixUse;
  /** An answer to a request that used the prefix; cached tokens the upstream reported. */
  used(target: Target, credential: Credential, digest: string, cachedTokens: number): void;
  /** The upstream does not have it any more (or refused it): forget it; it is not tried again at once. */
  lost(target: Target, credential: Credential, digest: string): void;
  /** Ours. */
  list(): readonly PrefixEntry[];
  counts(): readonly PrefixCounts[];
  /**
   * What an upstream keeps for the provider's keys, whoever made it; null where it keeps nothing of the kind. Rejects with
   * `UpstreamRefusal`.
   */
  keptBy(provider: string): Promise<readonly KeptPrefix[] | null>;
  /**
   * Removes one, here and upstream, by our digest or the upstream's name. False when it is nowhere. Rejects with
   * `UpstreamRefusal`; then it is still there.
   */
  remove(provider: string, digestOrName: string): Promise<boolean>;
}
