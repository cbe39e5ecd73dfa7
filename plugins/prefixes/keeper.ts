import { setImmediate as turn } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import {
  type Credential,
  type KeptPrefix,
  type PromptPrefix,
  type ProviderInstance,
  type Target,
  type Translation,
  TranslationError,
  type UpstreamFailure,
} from '../../providers/provider.ts';
import { failureOf } from '../upstream/ask.ts';
import type { Upstream } from '../upstream/index.ts';
import type { Usage } from '../usage/index.ts';
import { Charges, type ChargesOptions } from './charges.ts';
import type { PrefixCounts, PrefixEntry, Prefixes, PrefixUse } from './contract.ts';
import { type Store, Stores } from './stores.ts';
import type { Cause, Living } from './table.ts';
import { UpstreamStore } from './upstream-store.ts';
import { isWorthKeeping } from './worth.ts';

/** Creations under way at one provider: each sends a whole prefix. */
const maxCreating = 8;
/** Milliseconds a close waits for creations: what they cost should be known. */
const closeLimit = 1_000;
/** Statuses of the 400s by which a store says "later", or nothing about the prefix. */
const later: ReadonlySet<number> = new Set([408, 409, 425, 429, 499]);
/** Those that say it of the prefix and not of the model. */
const ofThePrefix: ReadonlySet<number> = new Set([400, 413, 422]);

const isDigest = /^[0-9a-f]{64}$/;

export interface KeeperOptions extends ChargesOptions {
  readonly providers: ReadonlyMap<string, ProviderInstance>;
  readonly upstream: Upstream;
  readonly usage: Pick<Usage, 'open' | 'price'>;
  readonly log: Pick<FastifyBaseLogger, 'debug' | 'warn'>;
}

/**
 * Has upstreams keep the beginnings of prompts that come again. Entries are apart by provider instance and key, which stand for one
 * address and one account: what one may refer to, another cannot. They are forgotten with the process; upstream they end by
 * themselves.
 */
export class PrefixKeeper implements Prefixes {
  readonly #options: KeeperOptions;
  readonly #upstream: UpstreamStore;
  readonly #charges: Charges;
  readonly #stores = new Stores();
  readonly #working = new Set<Promise<void>>();
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#upstream = new UpstreamStore(options.upstream);
    this.#charges = new Charges(options);
  }

  choose(target: Target, credential: Credential, translation: Translation, exchange: Cause): PrefixUse {
    const { prefix, request } = translation;
    const plain = { request, digest: null };
    if (prefix === undefined || target.provider.type.prefixes === undefined || this.#closed) return plain;
    const { provider, model } = target;
    const store = this.#stores.of(provider, credential);
    const now = this.#options.now();
    const entry = store.table.usable(model, prefix.digest, now, exchange);
    if (entry === null) {
      if (store.table.wants(model, prefix, now)) this.#start(store, target, prefix, exchange, now);
      return plain;
    }
    try {
      return { request: prefix.using(entry.name), digest: prefix.digest };
    } catch (error) {
      const { reason } = failureOf(error);
      this.#options.log.warn({ target: target.id, reason }, 'a kept prompt prefix cannot be referred to: it is given up');
      store.table.refuse(entry, now);
      this.#work(this.#discard(provider, credential, entry.name));
      return plain;
    }
  }

  used(target: Target, credential: Credential, digest: string, cachedTokens: number): void {
    const { totals, table } = this.#stores.of(target.provider, credential);
    const { counts } = totals;
    const saved = Number.isSafeInteger(cachedTokens) && cachedTokens > 0 ? cachedTokens : 0;
    counts.hits++;
    counts.tokensSaved += saved;
    const entry = table.get(target.model, digest);
    if (entry === null) return;
    entry.hits++;
    entry.tokensSaved += saved;
    entry.uses++;
    if (this.#mayExtend(target, entry)) this.#work(this.#extend(target, credential, entry));
  }

  lost(target: Target, credential: Credential, digest: string): void {
    const { totals, table } = this.#stores.of(target.provider, credential);
    const entry = table.get(target.model, digest);
    if (entry === null || entry.state !== 'kept') return;
    totals.counts.lost++;
    table.rest(entry, this.#options.now());
    // Refused, it may still be there, and be paid for.
    this.#work(this.#discard(target.provider, credential, entry.name));
  }

  list(): readonly PrefixEntry[] {
    return this.#stores.entries(this.#options.now());
  }

  counts(): readonly PrefixCounts[] {
    return this.#stores.counts();
  }

  async keptBy(provider: string): Promise<readonly KeptPrefix[] | null> {
    const instance = this.#options.providers.get(provider);
    if (instance?.type.prefixes === undefined) return null;
    const kept: KeptPrefix[] = [];
    for (const credential of instance.credentials) {
      // Keys of one account see the same.
      const others = new Set(kept.map(({ name }) => name));
      for (const each of await this.#upstream.list(instance, credential)) if (!others.has(each.name)) kept.push(each);
    }
    return kept;
  }

  async remove(provider: string, digestOrName: string): Promise<boolean> {
    const instance = this.#options.providers.get(provider);
    if (instance?.type.prefixes === undefined) return false;
    let removed = false;
    for (const { credential, table } of this.#stores.all(instance)) {
      const entry = table.find(digestOrName);
      if (entry === null) continue;
      // One that is being created has no name yet: it is removed when it is there.
      if (entry.name !== '') await this.#removeNamed(instance, credential, entry.name);
      table.drop(entry);
      removed = true;
    }
    // A digest is no name that an upstream would know.
    if (removed || isDigest.test(digestOrName)) return removed;
    for (const credential of instance.credentials) {
      if (await this.#removeNamed(instance, credential, digestOrName)) return true;
    }
    return false;
  }

  /** Nothing is removed upstream; what is under way is waited for a moment, then given up. */
  async close(): Promise<void> {
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise((resolve) => {
      timer = setTimeout(resolve, closeLimit);
    });
    await Promise.race([Promise.all(this.#working), limit]);
    clearTimeout(timer);
    this.#upstream.abort();
    await Promise.all(this.#working);
  }

  #start(store: Store, target: Target, prefix: PromptPrefix, exchange: Cause, now: number): void {
    const { credential, totals } = store;
    if (totals.creating >= maxCreating) return;
    const room = store.table.makeRoom(now);
    if (room === null) return;
    if (room.evicted !== null) this.#work(this.#discard(target.provider, credential, room.evicted.name));
    const entry = store.table.begin(target.model, prefix, now, exchange);
    totals.creating++;
    this.#work(
      this.#create(store, entry, target, prefix).finally(() => {
        totals.creating--;
      }),
    );
  }

  async #create(store: Store, entry: Living, target: Target, prefix: PromptPrefix): Promise<void> {
    const { table, credential, totals } = store;
    const { now, log } = this.#options;
    try {
      await this.#charges.row(target, entry.cause, prefix.tokens, async () => {
        // The request of the call itself goes first: this one is made of the whole prefix.
        await turn();
        const askedAt = now();
        const kept = await this.#upstream.create(target, credential, prefix);
        const life = lifeOf(kept, prefix.ttlMs);
        const counted = Number.isSafeInteger(kept.tokens) && kept.tokens > 0;
        entry.state = 'kept';
        entry.name = kept.name;
        entry.tokens = counted ? kept.tokens : prefix.tokens;
        entry.ttl = life;
        entry.createdAt = askedAt;
        entry.expiresAt = askedAt + life;
        return { result: null, used: counted ? this.#charges.quantities(target, entry.tokens, entry.tokens, life) : null };
      });
    } catch (error) {
      this.#refused(store, entry, target, failureOf(error));
      return;
    }
    totals.counts.creates.kept++;
    table.succeeded();
    log.debug({ target: target.id, digest: entry.digest, tokens: entry.tokens }, 'the upstream keeps a prompt prefix');
    // An administrator has removed it meanwhile.
    if (!table.isCurrent(entry)) await this.#discard(target.provider, credential, entry.name);
  }

  #refused({ table, totals }: Store, entry: Living, target: Target, failure: UpstreamFailure): void {
    const { status, reason, code } = failure;
    const now = this.#options.now();
    const refused = status >= 400 && status < 500 && (!later.has(status) || reason === 'quota');
    if (!refused) table.pause(entry, now, failure.retryAfterMs ?? 0);
    else if (ofThePrefix.has(status)) table.refuse(entry, now);
    else table.refuseModel(entry, now);
    totals.counts.creates[refused ? 'rejected' : 'failed']++;
    // Not the message: upstreams like to quote what they refuse.
    this.#options.log.warn(
      { target: target.id, digest: entry.digest, tokens: entry.tokens, reason, status, code },
      'the upstream does not keep a prompt prefix: calls go on without',
    );
  }

  /** Half of its time is gone, and as much again is cheaper than doing without. */
  #mayExtend(target: Target, entry: Living): boolean {
    if (target.provider.type.prefixes?.extend === undefined || entry.state !== 'kept' || entry.extending || this.#closed)
      return false;
    if (entry.expiresAt - this.#options.now() > entry.ttl / 2) return false;
    return isWorthKeeping(entry.uses, entry.ttl, this.#options.usage.price(target));
  }

  async #extend(target: Target, credential: Credential, entry: Living): Promise<void> {
    const { provider } = target;
    const { ttl, name } = entry;
    const askedAt = this.#options.now();
    entry.extending = true;
    const ask = async () => {
      await this.#upstream.extend(provider, credential, name, ttl);
      return { result: null, used: this.#charges.quantities(target, 0, entry.tokens, ttl) };
    };
    try {
      // Only the storage costs anything.
      await (this.#charges.storageIsPriced(target) ? this.#charges.row(target, entry.cause, 0, ask) : ask());
      entry.expiresAt = askedAt + ttl;
      entry.uses = 0;
      entry.extending = false;
    } catch (error) {
      const { status } = failureOf(error);
      // Else not tried again: it ends, and is created anew when it is wanted.
      if (status === 403 || status === 404) this.#stores.of(provider, credential).table.rest(entry, askedAt);
    }
  }

  async #discard(provider: ProviderInstance, credential: Credential, name: string): Promise<void> {
    try {
      await this.#upstream.remove(provider, credential, name);
    } catch (error) {
      const { reason } = failureOf(error);
      this.#options.log.debug({ provider: provider.name, reason }, 'a prompt prefix was not removed upstream: it ends by itself');
    }
  }

  async #removeNamed(provider: ProviderInstance, credential: Credential, name: string): Promise<boolean> {
    try {
      return await this.#upstream.remove(provider, credential, name);
    } catch (error) {
      // No name that this upstream could have given.
      if (error instanceof TranslationError && error.failure.reason === 'invalid_request') return false;
      throw error;
    }
  }

  #work(work: Promise<void>): void {
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }
}

/** Milliseconds it is kept, by the upstream's own clock, which is not ours; never longer than was asked for. */
function lifeOf({ createdAt, expiresAt }: KeptPrefix, asked: number): number {
  const life = expiresAt - createdAt;
  return createdAt > 0 && life > 0 ? Math.min(life, asked) : asked;
}
