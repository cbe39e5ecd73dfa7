import type { Credential, FailureReason, ProviderInstance, UpstreamFailure } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import type { ParkedCredential } from './types.ts';

/** A key whose rest is over is tried by one call; the others wait this long for what becomes of it. Milliseconds. */
const trialMs = 5_000;
/** A key that is refused again and again rests at most this many times `health.credential_rest`. */
const mostRests = 10;

/** Rests of a provider's keys at one target, by the place of the key. */
export class KeyRests {
  readonly until: number[] = [];
  readonly reason: FailureReason[] = [];
}

/** What is known of one key. Times are milliseconds of the injected clock. */
interface KeyState {
  readonly credential: Credential;
  restUntil: number;
  restFor: number;
  reason: FailureReason | null;
  /** One call is finding out whether it works again. */
  onTrial: boolean;
  /** For smooth weighted round-robin. */
  current: number;
}

/**
 * The API keys of one provider: calls are spread over them by weight, and a key that is refused, limited or spent rests while the
 * others go on. A refused or spent key rests everywhere, a limited one at the target: providers limit by key and model.
 */
export class CredentialPool {
  readonly #keys: readonly KeyState[];
  readonly #options: Config['health'];

  constructor(provider: ProviderInstance, options: Config['health']) {
    this.#options = options;
    this.#keys = provider.credentials.map((credential) => ({
      credential,
      restUntil: 0,
      restFor: 0,
      reason: null,
      onTrial: false,
      current: 0,
    }));
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Milliseconds until one of the keys may be used at a target; 0 for now. */
  wait(rests: KeyRests, now: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#keys.length; at++) {
      const until = Math.max(this.#keys[at]!.restUntil, rests.until[at] ?? 0);
      if (until <= now) return 0;
      least = Math.min(least, until - now);
    }
    return least;
  }

  /** Why none of the keys may be used at a target: what the one that comes back first rests for. Null while one may be used. */
  reason(rests: KeyRests, now: number): FailureReason | null {
    let least = Number.POSITIVE_INFINITY;
    let reason: FailureReason | null = null;
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at]!;
      const here = rests.until[at] ?? 0;
      const until = Math.max(key.restUntil, here);
      if (until <= now) return null;
      if (until >= least) continue;
      least = until;
      reason = here > key.restUntil ? rests.reason[at]! : key.reason;
    }
    return reason;
  }

  /** The place of the key to use. One that rests only when every key does. */
  pick(rests: KeyRests, now: number): number {
    if (this.#keys.length === 1) return this.#taken(0, now);
    let best = -1;
    let total = 0;
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at]!;
      if (Math.max(key.restUntil, rests.until[at] ?? 0) > now) continue;
      // Weight 0: only when nothing else is left.
      const weight = key.credential.weight || Number.MIN_VALUE;
      key.current += weight;
      total += weight;
      if (best < 0 || key.current > this.#keys[best]!.current) best = at;
    }
    if (best < 0) return 0;
    this.#keys[best]!.current -= total;
    return this.#taken(best, now);
  }

  credential(at: number): Credential {
    return this.#keys[at]!.credential;
  }

  /** The provider took the key. */
  succeeded(at: number): void {
    const key = this.#keys[at]!;
    if (key.reason === null) return;
    key.reason = null;
    key.onTrial = false;
    key.restUntil = key.restFor = 0;
  }

  /** What became of a call says nothing about its key: if that was on trial, another call may try it. */
  undecided(at: number, now: number): void {
    const key = this.#keys[at]!;
    if (!key.onTrial) return;
    key.onTrial = false;
    key.restUntil = now;
  }

  /** The key rests: everywhere when it was refused or is spent, else at the target. Rests only ever grow. */
  refused(at: number, rests: KeyRests, { reason, status, retryAfterMs }: UpstreamFailure, now: number): void {
    const key = this.#keys[at]!;
    const rest = Math.min(retryAfterMs ?? this.#restFor(key, reason), this.#options.max_rest);
    // 403: the key is good, and may not do this.
    if (reason === 'quota' || (reason === 'authentication' && status !== 403)) {
      key.reason = reason;
      key.restFor = rest;
      // The wait of a trial that failed is no rest.
      key.restUntil = key.onTrial ? now + rest : Math.max(now + rest, key.restUntil);
      key.onTrial = false;
      return;
    }
    this.succeeded(at);
    if (now + rest <= (rests.until[at] ?? 0)) return;
    rests.until[at] = now + rest;
    rests.reason[at] = reason;
  }

  /** Keys that rest everywhere, and at one target when its rests are given. */
  parked(now: number, rests?: KeyRests): ParkedCredential[] {
    return this.#keys.flatMap(({ credential, restUntil, reason }, at) => {
      const here = rests?.until[at] ?? 0;
      const until = Math.max(restUntil, here);
      if (until <= now) return [];
      return [{ id: credential.id, reason: here > restUntil ? rests!.reason[at]! : reason!, wait: until - now }];
    });
  }

  #taken(at: number, now: number): number {
    const key = this.#keys[at]!;
    if (key.reason === null) return at;
    key.onTrial = true;
    key.restUntil = now + trialMs;
    return at;
  }

  #restFor(key: KeyState, reason: FailureReason): number {
    const { rate_limit_rest, quota_rest, credential_rest } = this.#options;
    if (reason === 'rate_limit') return rate_limit_rest;
    if (reason === 'quota') return quota_rest;
    if (key.restFor > 0) return Math.min(key.restFor * 2, mostRests * credential_rest);
    // The only key: nothing else could answer, so it is tried again soon.
    return this.#keys.length > 1 ? credential_rest : Math.min(rate_limit_rest, credential_rest);
  }
}
