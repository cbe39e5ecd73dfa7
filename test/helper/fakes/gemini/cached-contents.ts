import { type GeminiError, geminiError, invalid, noCache } from './errors.ts';
import type { Canonical } from './proto.ts';
import { countContents } from './tokens.ts';

/** One cachedContent as the fake keeps it. */
export interface StoredCache {
  readonly name: string;
  /** With `models/`. */
  readonly model: string;
  readonly body: Canonical;
  readonly tokens: number;
  readonly displayName: string;
  /** Unix milliseconds. */
  readonly created: number;
  updated: number;
  expires: number;
  /** How many accepted calls used it. */
  uses: number;
}

/** The cachedContents of one fake. Expired ones are gone as if they had been deleted. */
export class CacheStore {
  readonly #caches = new Map<string, StoredCache>();
  readonly #now: () => number;
  #created = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  create(body: Canonical): Canonical {
    const now = this.#now();
    const name = `cachedContents/${`fake${(this.#created++).toString(36)}`.padEnd(40, 'x')}`;
    const cache: StoredCache = {
      name,
      model: String(body.model),
      body,
      tokens: countContents(body),
      displayName: String(body.displayName ?? ''),
      created: now,
      updated: now,
      expires: expiryOf(body, now) ?? now + 3_600_000,
      uses: 0,
    };
    this.#caches.set(name, cache);
    return shown(cache);
  }

  /** A living one, or null. */
  find(name: string): StoredCache | null {
    const cache = this.#caches.get(name);
    if (cache === undefined) return null;
    if (cache.expires > this.#now()) return cache;
    this.#caches.delete(name);
    return null;
  }

  /** All living ones, oldest first. */
  all(): StoredCache[] {
    return [...this.#caches.keys()].map((name) => this.find(name)).filter((cache) => cache !== null);
  }

  get(name: string): Canonical | GeminiError {
    const cache = this.find(name);
    return cache === null ? noCache() : shown(cache);
  }

  list(query: URLSearchParams): Canonical {
    const all = this.all();
    const size = Math.min(Math.max(Number(query.get('pageSize') ?? 50) || 50, 1), 1000);
    const start = Number(query.get('pageToken') ?? 0) || 0;
    const page = all.slice(start, start + size);
    return {
      ...(page.length > 0 ? { cachedContents: page.map(shown) } : {}),
      ...(start + size < all.length ? { nextPageToken: String(start + size) } : {}),
    };
  }

  /** Only the expiry can be changed, and `updateMask` has to name what is. */
  patch(name: string, body: Canonical, query: URLSearchParams): Canonical | GeminiError {
    const cache = this.find(name);
    if (cache === null) return noCache();
    const mask = (query.get('updateMask') ?? '').split(',').filter(Boolean);
    if (mask.some((field) => !['ttl', 'expireTime', 'expire_time'].includes(field))) {
      return invalid('Only the fields ttl and expire_time of a CachedContent can be updated.');
    }
    const now = this.#now();
    const expires = expiryOf(body, now);
    if (expires === null) return invalid('* UpdateCachedContentRequest.cached_content: ttl or expire_time must be set\n');
    cache.expires = expires;
    cache.updated = now;
    return shown(cache);
  }

  delete(name: string): Canonical | GeminiError {
    if (this.find(name) === null) return noCache();
    this.#caches.delete(name);
    return {};
  }
}

/** Whether what the store returned is a refusal. */
export function isError(value: Canonical | GeminiError): value is GeminiError {
  return typeof (value as GeminiError).status === 'number' && (value as GeminiError).body?.error !== undefined;
}

/** The store knows no such method. */
export function noMethod(): GeminiError {
  return geminiError(404, 'Requested entity was not found.');
}

function expiryOf(body: Canonical, now: number): number | null {
  if (typeof body.ttl === 'string') return now + Number.parseFloat(body.ttl) * 1000;
  if (typeof body.expireTime === 'string') return Date.parse(body.expireTime);
  return null;
}

/** What the API shows: never the contents. */
function shown(cache: StoredCache): Canonical {
  const time = (at: number) => new Date(at).toISOString();
  return {
    name: cache.name,
    model: cache.model,
    createTime: time(cache.created),
    updateTime: time(cache.updated),
    expireTime: time(cache.expires),
    displayName: cache.displayName,
    usageMetadata: { totalTokenCount: cache.tokens },
  };
}
