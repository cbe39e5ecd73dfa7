import { LRUCache } from 'lru-cache';
import type { PromptPrefix } from '../../providers/provider.ts';
import type { PrefixEntry } from './contract.ts';

/** Prefixes remembered as seen once, per key: prompts come from callers, so there is a bound. */
const maxSeen = 10_000;
/** Prefixes and models remembered as refused. */
const maxRefused = 2_000;
/** Milliseconds a refused prefix, or model, is not asked for again. */
const refusedFor = 3_600_000;
/** Milliseconds after the first loss of a prefix; four times as long after each further one, up to `refusedFor`. */
const firstRest = 30_000;
/** Milliseconds after the first failure of a provider's store that says nothing about the prefix; doubles. */
const firstPause = 5_000;
const longestPause = 600_000;
/** An entry used within this many milliseconds is not given up for another one. */
const minIdle = 60_000;
/** Before its end a prefix is not used any more: the request has to arrive in time. Milliseconds, at most a fifth of its life. */
const margin = 10_000;

/** The call that made the gateway ask an upstream for something. */
export interface Cause {
  /** Exchange id. */
  readonly id: string;
  readonly keyId: string | null;
  readonly team: string | null;
}

/** A prefix on its way to the upstream, or kept there. Times are unix milliseconds. */
export interface Living {
  readonly model: string;
  readonly digest: string;
  state: 'creating' | 'kept';
  /** '' while it is created. */
  name: string;
  tokens: number;
  createdAt: number;
  expiresAt: number;
  /** How long it is kept from the last creation or extension, milliseconds. */
  ttl: number;
  usedAt: number;
  hits: number;
  tokensSaved: number;
  /** Since the last creation or extension. */
  uses: number;
  extending: boolean;
  /** The last call that used it or, before that, made the gateway ask for it. */
  cause: Cause;
}

interface Refused {
  readonly model: string;
  readonly digest: string;
  readonly tokens: number;
  readonly at: number;
  until: number;
  losses: number;
}

const keyOf = (model: string, digest: string): string => `${model}\n${digest}`;

/** The prefixes of one key of a provider: what is known of each, and whether one is worth asking for. */
export class PrefixTable {
  /** In the order of their last use. */
  readonly #living = new Map<string, Living>();
  readonly #refused = new LRUCache<string, Refused>({ max: maxRefused });
  /** Unix milliseconds of the last call that began with it. */
  readonly #seen = new LRUCache<string, number>({ max: maxSeen });
  /** Models that take no prefixes, until when. */
  readonly #models = new LRUCache<string, number>({ max: maxRefused });
  readonly #maxEntries: number;
  #pausedUntil = 0;
  #failures = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** One that can be referred to now, for this call; others are given up before it. */
  usable(model: string, digest: string, now: number, cause: Cause): Living | null {
    const key = keyOf(model, digest);
    const entry = this.#living.get(key);
    if (entry === undefined || entry.state === 'creating') return null;
    if (entry.expiresAt - now < Math.min(margin, entry.ttl / 5)) {
      this.#living.delete(key);
      return null;
    }
    entry.usedAt = now;
    entry.cause = cause;
    this.#seen.set(key, now);
    this.#living.delete(key);
    this.#living.set(key, entry);
    return entry;
  }

  get(model: string, digest: string): Living | null {
    return this.#living.get(keyOf(model, digest)) ?? null;
  }

  /**
   * Whether it should be asked for because of this call. What a caller marked: at once. Other prompts: when one began alike within
   * the time it would be kept, because one that never comes again would cost its storage and save nothing.
   */
  wants(model: string, prefix: PromptPrefix, now: number): boolean {
    const key = keyOf(model, prefix.digest);
    const before = this.#seen.get(key);
    this.#seen.set(key, now);
    if (prefix.tokens < prefix.minTokens || this.#living.has(key)) return false;
    if (now < this.#pausedUntil || now < (this.#models.get(model) ?? 0) || now < (this.#refused.get(key)?.until ?? 0))
      return false;
    return prefix.wanted === 'marker' || (before !== undefined && now - before <= prefix.ttlMs);
  }

  /** A place for one more: null when there is none, else the entry that has to go for it, if any, which is out already. */
  makeRoom(now: number): { readonly evicted: Living | null } | null {
    this.#dropExpired(now);
    if (this.#living.size < this.#maxEntries) return { evicted: null };
    for (const [key, entry] of this.#living) {
      if (entry.state === 'creating') continue;
      if (now - entry.usedAt < minIdle) return null;
      this.#living.delete(key);
      return { evicted: entry };
    }
    return null;
  }

  begin(model: string, { digest, tokens, ttlMs }: PromptPrefix, now: number, cause: Cause): Living {
    const entry: Living = {
      model,
      digest,
      state: 'creating',
      name: '',
      tokens,
      createdAt: now,
      expiresAt: now + ttlMs,
      ttl: ttlMs,
      usedAt: now,
      hits: 0,
      tokensSaved: 0,
      uses: 0,
      extending: false,
      cause,
    };
    this.#living.set(keyOf(model, digest), entry);
    return entry;
  }

  isCurrent(entry: Living): boolean {
    return this.#living.get(keyOf(entry.model, entry.digest)) === entry;
  }

  /** Everything went well: earlier failures of the store are over. */
  succeeded(): void {
    this.#failures = 0;
  }

  drop(entry: Living): void {
    if (this.isCurrent(entry)) this.#living.delete(keyOf(entry.model, entry.digest));
  }

  /** The upstream does not take it. */
  refuse(entry: Living, now: number): void {
    this.drop(entry);
    this.#remember(entry, now, now + refusedFor, 0);
  }

  /** The upstream takes none for this model. */
  refuseModel(entry: Living, now: number): void {
    this.refuse(entry, now);
    this.#models.set(entry.model, now + refusedFor);
  }

  /** The upstream lost it: more often, longer. */
  rest(entry: Living, now: number): void {
    this.drop(entry);
    const last = this.#refused.get(keyOf(entry.model, entry.digest));
    const losses = last !== undefined && now - last.until < refusedFor ? last.losses + 1 : 1;
    this.#remember(entry, now, now + Math.min(refusedFor, firstRest * 4 ** (losses - 1)), losses);
  }

  /** The provider's store fails, or is asked too often: `wait` milliseconds if it named them. */
  pause(entry: Living, now: number, wait: number): void {
    this.drop(entry);
    const own = Math.min(longestPause, firstPause * 2 ** this.#failures++);
    this.#pausedUntil = Math.max(this.#pausedUntil, now + Math.max(own, Math.min(wait, refusedFor)));
  }

  /** By our digest or the upstream's name. */
  find(digestOrName: string): Living | null {
    for (const entry of this.#living.values()) {
      if (entry.digest === digestOrName || (entry.state === 'kept' && entry.name === digestOrName)) return entry;
    }
    return null;
  }

  entries(provider: string, credential: string, now: number): PrefixEntry[] {
    this.#dropExpired(now);
    const list = [...this.#living.values()].map(
      ({ model, digest, name, state, tokens, createdAt, expiresAt, hits, tokensSaved }): PrefixEntry => ({
        provider,
        credential,
        model,
        digest,
        name: state === 'kept' ? name : null,
        state,
        tokens,
        createdAt,
        expiresAt,
        hits,
        tokensSaved,
      }),
    );
    for (const { model, digest, tokens, at, until } of this.#refused.values()) {
      if (until <= now || this.#living.has(keyOf(model, digest))) continue;
      const none = { name: null, state: 'rejected', hits: 0, tokensSaved: 0 } as const;
      list.push({ provider, credential, model, digest, tokens, createdAt: at, expiresAt: until, ...none });
    }
    return list;
  }

  #remember({ model, digest, tokens }: Living, at: number, until: number, losses: number): void {
    this.#refused.set(keyOf(model, digest), { model, digest, tokens, at, until, losses });
  }

  #dropExpired(now: number): void {
    for (const [key, { state, expiresAt }] of this.#living) if (state === 'kept' && expiresAt <= now) this.#living.delete(key);
  }
}
