import type { Operation } from './provider.ts';

/** What a model reads or writes. */
export type Modality = 'text' | 'image' | 'audio' | 'video' | 'file';

/** Capabilities and limits of one model, as far as known: an absent member says nothing. */
export interface ModelInfo {
  readonly id: string;
  /** Unix seconds, 0 when unknown. */
  readonly created: number;
  readonly ownedBy: string;
  /** Tokens read and generated together. */
  readonly contextWindow?: number;
  /** Tokens generated at most. */
  readonly maxOutputTokens?: number;
  readonly operations?: readonly Operation[];
  readonly input?: readonly Modality[];
  readonly output?: readonly Modality[];
  readonly tools?: boolean;
  /** Answers by a JSON schema. */
  readonly structuredOutput?: boolean;
  readonly reasoning?: boolean;
  /** Takes temperature and its kin. */
  readonly sampling?: boolean;
  /** Prefixes of at least this many tokens can be kept by the upstream. */
  readonly minCacheTokens?: number;
}
