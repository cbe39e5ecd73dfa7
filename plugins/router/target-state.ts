import type { FailureReason } from '../../providers/provider.ts';
import { Mean, PeakEwma } from './averages.ts';
import { type CredentialPool, KeyRests } from './credentials.ts';
import type { Sockets } from './limits/sockets.ts';
import type { BreakerState } from './types.ts';

/** How many requests a target may work on at once; finds that out by itself, or was told. */
export interface ConcurrencyLimit {
  /** Requests under way together. */
  readonly limit: number;
  /** An answer began `ms` after its request was sent, while `inFlight` were under way. */
  answered(ms: number, inFlight: number, now: number): void;
  /** The target said that it has too much to do, or did not answer in time. */
  refused(inFlight: number, now: number): void;
}

/** Of its share, right after it was out. */
const leastShare = 0.1;

/** What is remembered of one target: what its own answers told. Times are milliseconds of the injected clock. */
export class TargetState {
  breaker: BreakerState = 'closed';
  openUntil = 0;
  openFor = 0;
  /** The target asked for a rest, or its probe fails. */
  restUntil = 0;
  restReason: FailureReason | null = null;
  probing = false;
  inFlight = 0;
  consecutive = 0;
  lastFailure: { reason: FailureReason; at: number } | null = null;
  /** When its breaker closed again: from here its share grows. */
  recoveredAt = Number.NEGATIVE_INFINITY;
  readonly keyRests = new KeyRests();
  // Two halves of the window: the counts of the running one and of the one before.
  half = 0;
  requests = 0;
  failures = 0;
  earlierRequests = 0;
  earlierFailures = 0;

  /** To the first content; a failure counts as a long time. */
  readonly latency = new PeakEwma();
  /** Share of attempts that did not fail through the target. */
  readonly uptime = new Mean(0.05, 1);
  /** Share of the input that the upstream had cached. */
  readonly cacheShare = new Mean(0.1);
  /** Tokens of an answer. */
  readonly outputTokens = new Mean(0.1);
  limit: ConcurrencyLimit | null = null;
  /** Of its provider; null where nothing limits them. */
  sockets: Sockets | null = null;
  /** Told when one of its requests has ended, or its limit has grown, and it may take another. */
  onRoom: (() => void) | null = null;

  readonly credentials: CredentialPool;
  readonly #slowStart: number;

  /** `slowStart`: milliseconds in which its share grows back. */
  constructor(credentials: CredentialPool, slowStart: number) {
    this.credentials = credentials;
    this.#slowStart = slowStart;
  }

  /** Part of its share that it should get, 0 to 1: grows evenly from a tenth after it was out. */
  share(now: number): number {
    const since = now - this.recoveredAt;
    return since >= this.#slowStart ? 1 : leastShare + (1 - leastShare) * (since / this.#slowStart);
  }

  get full(): boolean {
    return (this.limit !== null && this.inFlight >= this.limit.limit) || this.sockets?.full === true;
  }
}
