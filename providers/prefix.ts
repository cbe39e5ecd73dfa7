import type { ProviderInstance } from './provider.ts';
import type { UpstreamFailure, UpstreamHead, UpstreamRequest } from './translation.ts';

/** The beginning of a prompt as an upstream keeps it between calls for a lower price. Pure, like everything here. */
export interface PromptPrefix {
  /** Of everything inside and of the model: equal prefixes have equal digests. Hex SHA-256. */
  readonly digest: string;
  /** Tokens, estimated. */
  readonly tokens: number;
  /** Fewer tokens than this are refused by the upstream. */
  readonly minTokens: number;
  /** `marker`: the caller marked it; `auto`: the operator wants prefixes that come again kept. */
  readonly wanted: 'marker' | 'auto';
  /** Milliseconds it is to be kept. */
  readonly ttlMs: number;
  /** Keeps it: request and reader of the answer, which throws `TranslationError`. */
  create(): UpstreamRequest;
  created(bytes: Buffer): KeptPrefix;
  /** The translation's request with the prefix replaced by a reference to `name`. */
  using(name: string): UpstreamRequest;
}

/** A prefix that an upstream keeps. */
export interface KeptPrefix {
  /** The upstream's name for it. */
  readonly name: string;
  /** Upstream model id. */
  readonly model: string;
  readonly tokens: number;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** Upstream-side keeping of prefixes, as administrators see it. */
export interface PrefixKeeping {
  /** One page of what the upstream keeps for this credential. */
  list(provider: ProviderInstance, page: string | null): UpstreamRequest;
  listed(bytes: Buffer): { readonly prefixes: readonly KeptPrefix[]; readonly next: string | null };
  remove(provider: ProviderInstance, name: string): UpstreamRequest;
  /**
   * Keeps it until `ttlMs` milliseconds from now; any 2xx answer means that it does. Absent: the upstream cannot, prefixes end and
   * are created anew.
   */
  extend?(provider: ProviderInstance, name: string, ttlMs: number): UpstreamRequest;
  /** A non-2xx answer to one of these. */
  failure(head: UpstreamHead, bytes: Buffer): UpstreamFailure;
}
