import type { RedisClient } from './client.ts';
import { explanations, type RedisReason, reasonOf } from './reasons.ts';
import type { Script } from './script.ts';

/** Redis cannot be asked, or did not answer. `sent`: what became of the command is unknown. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
  readonly reason: RedisReason;
  readonly sent: boolean;

  constructor(reason: RedisReason, sent: boolean) {
    super(explanations[reason]);
    this.reason = reason;
    this.sent = sent;
  }
}

export interface LinkLog {
  warn(object: object, message: string): void;
  info(object: object, message: string): void;
}

export interface LinkOptions {
  readonly client: RedisClient;
  /** Key that is written to see whether Redis takes writes. */
  readonly probeKey: string;
  readonly log: LinkLog;
}

/** Milliseconds between attempts to find Redis working again. */
const probeEvery = 250;
/** Milliseconds between two log lines that say Redis is away. */
const logEvery = 30_000;
/** The same when they give another reason. */
const logChangeEvery = 5000;
/** Values of `maxmemory-policy` with which counters are thrown away; `volatile-…` leaves them, as they have no time to live. */
const evicts = /^allkeys-/;

/**
 * Redis as the calls see it: up or down. The first command that fails takes it down; from then on commands fail at once, without
 * being sent, until a write in the background has succeeded. So a Redis that hangs costs the calls under way one timeout (R3).
 */
export class Link {
  readonly client: RedisClient;
  /** Failures so far by reason. */
  readonly failures = new Map<RedisReason, number>();
  /** Times it went down. */
  outages = 0;
  /** Policy by which Redis drops keys when it is full; null when it does not, or does not say. */
  eviction: string | null = null;
  readonly #probeKey: string;
  readonly #log: LinkLog;
  readonly #onUp: (() => void)[] = [];
  #down: RedisReason | null = 'connecting';
  #downSince = performance.now();
  #loggedAt = Number.NEGATIVE_INFINITY;
  #loggedReason: RedisReason | null = null;
  #announced = false;
  #probing = false;
  #closed = false;
  readonly #timer: NodeJS.Timeout;

  constructor(options: LinkOptions) {
    this.client = options.client;
    this.#probeKey = options.probeKey;
    this.#log = options.log;
    this.client.on('ready', () => void this.#probe());
    const lost = () => {
      // Why it is down already says more: a refused password closes the connection, too.
      if (this.#down === null) this.#fail('unreachable');
    };
    this.client.on('close', lost);
    this.client.on('-node', lost);
    this.client.on('error', (error) => {
      if (this.#down !== null) this.#down = reasonOf(error);
    });
    this.#timer = setInterval(() => {
      if (this.#down === null) return;
      this.#announce();
      void this.#probe();
    }, probeEvery);
    this.#timer.unref();
  }

  get up(): boolean {
    return this.#down === null;
  }

  /** Why Redis cannot be used; null while it can. */
  get reason(): RedisReason | null {
    return this.#down;
  }

  /** The same in words. */
  problem(): string | null {
    return this.#down === null ? null : explanations[this.#down];
  }

  /** Calls `listener` whenever Redis has come (back): what it was told before may be lost. */
  onUp(listener: () => void): void {
    this.#onUp.push(listener);
  }

  /** Runs a script; rejects with `RedisUnavailable`. While Redis is down nothing is sent. */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (this.#down !== null) throw new RedisUnavailable(this.#down, false);
    try {
      return await this.#evaluate(script, keys, args);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async #evaluate(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      // A server that was started anew has no scripts; EVAL also loads it.
      return this.client.eval(script.body, keys.length, ...keys, ...args);
    }
  }

  #failed(error: unknown): RedisUnavailable {
    const reason = reasonOf(error);
    this.#fail(reason);
    return new RedisUnavailable(reason, reason === 'timeout' || reason === 'unreachable');
  }

  #fail(reason: RedisReason): void {
    if (this.#closed) return;
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
    if (this.#down !== null) {
      this.#down = reason;
      return;
    }
    this.#down = reason;
    this.#downSince = performance.now();
    this.outages++;
    this.#announce();
    // A single late answer is no outage.
    if (reason === 'timeout') void this.#probe();
  }

  #announce(): void {
    const now = performance.now();
    // Connecting is given a second before it is a problem.
    const reason = this.#down!;
    const pause = reason === this.#loggedReason ? logEvery : logChangeEvery;
    if (now - this.#loggedAt < pause || (this.outages === 0 && now - this.#downSince < 1000)) return;
    this.#loggedAt = now;
    this.#loggedReason = reason;
    this.#announced = true;
    this.#log.warn({ reason, outages: this.outages }, `${explanations[reason]}; budgets refuse, rates are counted here alone`);
  }

  /** A write: PING is also answered by a replica, or without memory. */
  async #probe(): Promise<void> {
    if (this.#probing || this.#closed || this.#down === null || this.client.status !== 'ready') return;
    this.#probing = true;
    try {
      await this.client.set(this.#probeKey, '1', 'PX', 60_000);
      await this.#askEviction();
      this.#recover();
    } catch (error) {
      this.#fail(reasonOf(error));
    } finally {
      this.#probing = false;
    }
  }

  async #askEviction(): Promise<void> {
    try {
      const text = String(await this.client.info('memory'));
      const [, policy = ''] = /^maxmemory_policy:(\S+)/m.exec(text) ?? [];
      const [, limit = '0'] = /^maxmemory:(\d+)/m.exec(text) ?? [];
      this.eviction = limit !== '0' && evicts.test(policy) ? policy : null;
    } catch (error) {
      // Some operators do not allow INFO.
      if (reasonOf(error) !== 'permission' && reasonOf(error) !== 'error') throw error;
    }
  }

  #recover(): void {
    if (this.#closed) return;
    const outage = Math.round(performance.now() - this.#downSince);
    this.#down = null;
    if (this.#announced) this.#log.info({ outage_ms: outage }, 'Redis is back');
    this.#announced = false;
    for (const listener of this.#onUp) listener();
  }

  close(): void {
    this.#closed = true;
    this.#down = 'unreachable';
    clearInterval(this.#timer);
    this.client.disconnect();
  }
}
