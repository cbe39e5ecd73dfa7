import type { Kept } from '../../providers/provider.ts';

/** `fastify.signatures`: what a dialect wants back with tool calls of earlier answers, by tenant and tool-call id. */
export interface Signatures {
  /** What was kept for these ids by this tenant; unknown ids are left out. Synchronous where the backend is in process. Never throws. */
  find(tenant: string, ids: readonly string[]): ReadonlyMap<string, Kept> | Promise<ReadonlyMap<string, Kept>>;
  /**
   * Durable against the death of the process when it returns (or resolves), unless the backend takes longer than it is waited
   * for. Never throws and never rejects: a store that fails is logged once and counted.
   */
  keep(tenant: string, kept: readonly Kept[]): void | Promise<void>;
}

/** Plain numbers since the start. */
export interface SignatureCounts {
  /** Ids that were found, and that were not. */
  hits: number;
  misses: number;
  /** Entries taken by the backend. */
  kept: number;
  /** Entries the backend dropped for its bounds. */
  pruned: number;
  /** Entries too large to be kept. */
  tooLarge: number;
  /** Entries the backend did not take, or not in time. */
  failed: number;
}

/** What is kept under one key. */
export interface Entry {
  /** From `recordKey`: the same length for all, nothing a caller wrote in it. */
  readonly key: string;
  readonly kept: Kept;
  /** JSON text of `kept`. */
  readonly text: string;
}

/** A backend. Its behaviour is one test for all of them. */
export interface SignatureStore {
  /** Keys that are unknown, too old or not readable are left out. Throws or rejects when nothing can be read. */
  find(keys: readonly string[]): ReadonlyMap<string, Kept> | Promise<ReadonlyMap<string, Kept>>;
  /** The newest entry of a key counts. Throws or rejects when it is not kept. */
  keep(entries: readonly Entry[]): void | Promise<void>;
  close(): void | Promise<void>;
}

/** Bounds of a backend; beyond them the oldest entries go first. */
export interface StoreLimits {
  readonly entries: number;
  /** Of keys and values together. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly age: number;
}
