import { noCredential } from '../../providers/instance.ts';
import type { Credential, FailureReason, ProviderInstance, UpstreamFailure } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import type { ParkedCredential } from './types.ts';

/** A key whose rest is over is tried by one call; the others wait this long for what becomes of it. Milliseconds. */
const trialMs = 5_000;
/** A key that is refused again and again rests at most this many times as long as the first time. */
const mostRests = 10;

/** Milliseconds after which a provider without any key is worth asking for again: one may be added at any time. */
const withoutKeys = 5_000;

/** Rests of a provider's keys at one target, by the place of the key. */
export class KeyRests {
  readonly until: number[] = [];
  readonly reason: FailureReason[] = [];
  /** Of the call that was told to rest: a key that came to the place later has nothing to do with it. */
  readonly turn: number[] = [];
}

/** A call's key. */
export interface KeyUse {
  /** The place of the key; another one may come to it when that is removed. */
  readonly key: number;
  /** Counts the calls of the provider: what came of one that began before a key was parked says nothing new about the key. */
  readonly turn: number;
}

/** A key that the caller brought has no place among them: what becomes of its calls says nothing of theirs. */
export const callersKey: KeyUse = Object.freeze({ key: -1, turn: 0 });

/** What is known of one key. Times are milliseconds of the injected clock. */
interface KeyState {
  readonly credential: Credential;
  restUntil: number;
  restFor: number;
  reason: FailureReason | null;
  /** The call that is finding out whether it works again; 0 for none. */
  trial: number;
  /** Calls up to this one began before it was parked. */
  parkedAt: number;
  /** For smooth weighted round-robin. */
  current: number;
  /** Calls up to this one knew nothing of it. */
  readonly addedAt: number;
  /** Its place is free; calls under way go on with it. */
  removed: boolean;
}

function stateOf(credential: Credential, addedAt: number): KeyState {
  return { credential, restUntil: 0, restFor: 0, reason: null, trial: 0, parkedAt: 0, current: 0, addedAt, removed: false };
}

/**
 * The API keys of one provider: calls are spread over them by weight, and a key that is refused, limited or spent rests while the
 * others go on. A refused or spent key rests everywhere, a limited one at the target: providers limit by key and model. Keys come
 * and go while it is in use.
 */
export class CredentialPool {
  /** By place, those that were removed included. */
  readonly #keys: KeyState[] = [];
  #size = 0;
  readonly #options: Config['health'];
  #turn = 0;

  constructor(provider: ProviderInstance, options: Config['health']) {
    this.#options = options;
    const waitsForKeys = provider.config.api_keys?.length === 0 && provider.credentials[0] === noCredential;
    this.use(waitsForKeys ? [] : provider.credentials);
  }

  /** Keys that are in use now. */
  get size(): number {
    return this.#size;
  }

  /** From now on these are the keys. Those that stay, by identity, keep their places and what is known of them. */
  use(credentials: readonly Credential[]): void {
    const wanted = new Set(credentials);
    for (const key of this.#keys) {
      if (!key.removed && !wanted.delete(key.credential)) key.removed = true;
    }
    for (const credential of wanted) {
      const free = this.#keys.findIndex(({ removed }) => removed);
      this.#keys[free < 0 ? this.#keys.length : free] = stateOf(credential, this.#turn);
    }
    this.#size = credentials.length;
  }

  /** Milliseconds until one of the keys may be used at a target, those at the places in `but` left out; 0 for now. */
  wait(rests: KeyRests, now: number, but: readonly number[] = none): number {
    if (this.#size === 0) return withoutKeys;
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at]!;
      if (key.removed || (but.length > 0 && but.includes(at))) continue;
      const until = Math.max(key.restUntil, restAt(rests, at, key));
      if (until <= now) return 0;
      least = Math.min(least, until - now);
    }
    return least;
  }

  /** Why none of the keys may be used at a target: what the one that comes back first rests for. Null while one may be used. */
  reason(rests: KeyRests, now: number): FailureReason | null {
    // As when the only one is refused: the operator has to do something.
    if (this.#size === 0) return 'authentication';
    let least = Number.POSITIVE_INFINITY;
    let reason: FailureReason | null = null;
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at]!;
      if (key.removed) continue;
      const here = restAt(rests, at, key);
      const until = Math.max(key.restUntil, here);
      if (until <= now) return null;
      if (until >= least) continue;
      least = until;
      reason = here > key.restUntil ? rests.reason[at]! : key.reason;
    }
    return reason;
  }

  /** The key to use, none of those in `but`. One that rests only when every other does; `callersKey` where there is none at all. */
  pick(rests: KeyRests, now: number, but: readonly number[] = none): KeyUse {
    if (this.#size === 0) return callersKey;
    const turn = ++this.#turn;
    const key = this.#keys.length === 1 ? 0 : this.#next(rests, now, but);
    const state = this.#keys[key]!;
    if (state.reason !== null && state.restUntil <= now) {
      state.trial = turn;
      state.restUntil = now + trialMs;
    }
    return { key, turn };
  }

  /** That of a pick, asked for before keys can have changed. */
  credential(at: number): Credential {
    return this.#keys[at]?.credential ?? noCredential;
  }

  /** A key for a request of the gateway's own, which says nothing about keys: the `number`-th of those that do not rest. */
  working(number: number, now: number): Credential {
    const keys = this.#keys.filter(({ removed }) => !removed);
    const usable = keys.filter(({ restUntil }) => restUntil <= now);
    const from = usable.length === 0 ? keys : usable;
    return from[number % from.length]?.credential ?? noCredential;
  }

  /** The provider took the key. */
  succeeded(use: KeyUse): void {
    const key = this.#used(use);
    if (key === null || key.reason === null || use.turn <= key.parkedAt) return;
    key.reason = null;
    key.trial = key.restUntil = key.restFor = 0;
  }

  /** What became of a call says nothing about its key: if that was on trial, another call may try it. */
  undecided(use: KeyUse, now: number): void {
    const key = this.#used(use);
    if (key === null || key.trial !== use.turn) return;
    key.trial = 0;
    key.restUntil = now;
  }

  /** The key rests: everywhere when it was refused or is spent, else at the target. Rests only ever grow. */
  refused(use: KeyUse, rests: KeyRests, { reason, status, retryAfterMs }: UpstreamFailure, now: number): void {
    const key = this.#used(use);
    if (key === null) return;
    // 403: the key is good, and may not do this.
    const everywhere = reason === 'quota' || (reason === 'authentication' && status !== 403);
    const rest = Math.min(
      retryAfterMs ?? this.#restFor(key, reason, everywhere && use.turn > key.parkedAt),
      this.#options.max_rest,
    );
    // Without any rest there is nothing to try afterwards.
    if (rest <= 0) this.undecided(use, now);
    else if (everywhere) this.#park(key, use.turn, reason, rest, now);
    else this.#restAt(use, rests, reason, now + rest);
  }

  /** Keys that rest everywhere, and at one target when its rests are given. */
  parked(now: number, rests?: KeyRests): ParkedCredential[] {
    return this.#keys.flatMap((key, at) => {
      const { credential, restUntil, reason, removed } = key;
      const here = rests === undefined ? 0 : restAt(rests, at, key);
      const until = Math.max(restUntil, here);
      if (removed || until <= now) return [];
      return [{ id: credential.id, reason: here > restUntil ? rests!.reason[at]! : reason!, wait: until - now }];
    });
  }

  /** What is known of a call's key; null where the caller brought it, or it was removed while the call was under way. */
  #used({ key: at, turn }: KeyUse): KeyState | null {
    const key = this.#keys[at];
    return key === undefined || key.removed || turn <= key.addedAt ? null : key;
  }

  #park(key: KeyState, turn: number, reason: FailureReason, rest: number, now: number): void {
    const outdated = turn <= key.parkedAt;
    // Sent before it was parked: of no more interest once a later call has shown that it works, or is finding out.
    if (outdated && (key.reason === null || key.trial !== 0)) return;
    // The wait of a trial is no rest.
    const before = key.trial === 0 ? key.restUntil : 0;
    if (!outdated) {
      key.restFor = rest;
      key.parkedAt = this.#turn;
    }
    key.reason = reason;
    key.restUntil = Math.max(now + rest, before);
    key.trial = 0;
  }

  #restAt(use: KeyUse, rests: KeyRests, reason: FailureReason, until: number): void {
    this.succeeded(use);
    if (until <= restAt(rests, use.key, this.#keys[use.key]!)) return;
    rests.turn[use.key] = use.turn;
    rests.until[use.key] = until;
    rests.reason[use.key] = reason;
  }

  /** Smooth weighted round-robin over the keys that may be used: the others leave the cycle and change no proportion. */
  #next(rests: KeyRests, now: number, but: readonly number[]): number {
    let best = -1;
    let spare = -1;
    let total = 0;
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at]!;
      if (key.removed || Math.max(key.restUntil, restAt(rests, at, key)) > now || but.includes(at)) continue;
      const { weight } = key.credential;
      if (weight === 0) {
        // Only when nothing else is left, then in turn.
        if (spare < 0 || key.current < this.#keys[spare]!.current) spare = at;
        continue;
      }
      key.current += weight;
      total += weight;
      if (best < 0 || key.current > this.#keys[best]!.current) best = at;
    }
    if (best >= 0) {
      this.#keys[best]!.current -= total;
      return best;
    }
    if (spare < 0) return this.#keys.findIndex(({ removed }) => !removed);
    this.#keys[spare]!.current++;
    return spare;
  }

  /** `again`: it was refused after a rest, or after an earlier refusal. */
  #restFor(key: KeyState, reason: FailureReason, again: boolean): number {
    const { rate_limit_rest, quota_rest, credential_rest } = this.#options;
    if (reason === 'rate_limit') return rate_limit_rest;
    // The only key: nothing else could answer, so it is tried again soon.
    const refusal = this.#size > 1 ? credential_rest : Math.min(rate_limit_rest, credential_rest);
    const first = reason === 'quota' ? quota_rest : refusal;
    const most = mostRests * (reason === 'quota' ? quota_rest : credential_rest);
    return again && key.restFor > 0 ? Math.min(Math.max(key.restFor * 2, first), most) : first;
  }
}

const none: readonly number[] = [];

/** Until when a key rests at a target; 0 when it does not. */
function restAt({ until, turn }: KeyRests, at: number, { addedAt }: KeyState): number {
  return turn[at]! > addedAt ? until[at]! : 0;
}
