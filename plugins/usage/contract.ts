import type { FailureReason, Operation, Target } from '../../providers/provider.ts';
import type { Quantities } from '../../providers/unified.ts';
import type { Price } from './price.ts';

/** What is known before the upstream is called; committed before anything is sent. */
export interface Intent {
  /** `x-postern-exchange-id`. */
  readonly exchange: string;
  readonly requestId: string;
  /** 1 for the first send of the exchange; 0 for what it made the gateway send beside it. */
  readonly attempt: number;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** `context_cache`: a prefix of prompts was stored upstream, for calls to come. `probe`: the gateway asked whether a target works. `shadow`: a copy of a call, whose answer nobody sees. */
  readonly operation: Operation | 'context_cache' | 'probe' | 'shadow';
  readonly keyId: string | null;
  /** `team_…` of the key at that time; null for none. */
  readonly team: string | null;
  /** Whose key the provider was asked with. */
  readonly credential: 'operator' | 'caller';
  /** When the call was let in, by the clock of the limits, unix milliseconds: the hour, day and month that it is counted in. */
  readonly chargedAt: number;
  /** The model the caller named. */
  readonly model: string;
  readonly provider: string;
  /** Upstream model. */
  readonly target: string;
  readonly stream: boolean;
  /** Tokens, from `estimateInput`. */
  readonly estimatedInput: number;
  /** The caller's `x-postern-metadata`, JSON text. */
  readonly metadata: string | null;
  readonly configVersion: string;
}

export type AttemptOutcome = 'ok' | 'failed' | 'cancelled' | 'unknown';

/** How an attempt ended. */
export interface Settlement {
  readonly outcome: AttemptOutcome;
  readonly reason: FailureReason | 'client_closed' | (string & {}) | null;
  /** HTTP status the caller was, or would be, told. */
  readonly status: number;
  /** HTTP status of the upstream answer, 0 when there was none. */
  readonly upstreamStatus: number;
  readonly servedModel: string | null;
  /** The provider's own numbers; null when it gave none. */
  readonly usage: Quantities | null;
  /** Tokens, from `estimateOutput` over the content that arrived. */
  readonly estimatedOutput: number;
  /** Provably nothing of the request reached the upstream. */
  readonly unsent: boolean;
  /** Unix milliseconds. */
  readonly endedAt: number;
  /** Milliseconds from send to first content; null when none arrived. */
  readonly firstContentMs: number | null;
  readonly totalMs: number;
}

export type UsageSource = 'provider' | 'estimated' | 'none';

/** What an attempt used and cost, as written to the ledger. */
export interface SettledCost {
  /** Integer nano-USD; null when the price is unknown. */
  readonly nanoUsd: number | null;
  readonly quantities: Quantities;
  readonly source: UsageSource;
}

/** One attempt between its intent and its settlement. */
export interface OpenAttempt {
  /** Row id in the ledger. */
  readonly id: number;
  /** The intent survives the death of this process. Rejects with `LedgerError`: then nothing may be sent. */
  readonly committed: Promise<void>;
  /**
   * Writes how the attempt ended, exactly once: a second call returns the first result and writes nothing. Resolves when
   * the row is committed; while the ledger cannot be written the row waits in memory and the promise still resolves.
   */
  settle(settlement: Settlement): Promise<SettledCost>;
  readonly settled: boolean;
}

/** One attempt that the ledger has charged. */
export interface Charged {
  /** Row id in the ledger. */
  readonly id: number;
  readonly intent: Pick<Intent, 'exchange' | 'attempt' | 'operation' | 'keyId' | 'team' | 'chargedAt'>;
  /** 1 for the first attempt of a call, else 0. */
  readonly requests: number;
  /** Input and output. */
  readonly tokens: number;
  /** Integer; an unknown price counts as 0 here and is null in the ledger. */
  readonly nanoUsd: number;
}

/** Sums of the ledger for one key (`key`), one team (`team`) or everything (`global`, id empty) since the start of a period. */
export interface LedgerSum {
  readonly scope: 'global' | 'team' | 'key';
  readonly id: string;
  readonly requests: number;
  readonly tokens: number;
  readonly nanoUsd: number;
}

/** `fastify.usage.charges`: what the ledger has charged. */
export interface Charges {
  /**
   * Calls `listener` once for every attempt, in the turn in which it is charged and before its `settle` resolves: also for those that
   * are beside calls. Shadow copies, probes and what else nobody's key pays for have no key and count for `global` alone.
   */
  onCharged(listener: (charged: Charged) => void): void;
  /** Sums of what is charged in [`from`, now), by `chargedAt`, unix milliseconds, from the start of an hour; 0: for ever. Waits for the disk: for the start. */
  sums(from: number): readonly LedgerSum[];
}

/** `fastify.usage`: prices and the ledger of attempts. */
export interface Usage {
  /** Never throws; a ledger that cannot be written rejects `committed`. */
  open(intent: Intent, target: Target): OpenAttempt;
  /** False while the ledger cannot be written. */
  ready(): boolean;
  /** Attempts opened and not yet settled. */
  openCount(): number;
  /** Commits everything queued and brings it into the ledger's file, synchronously. */
  flush(): void;
  /** Price of a target at a time (unix ms, default now); null when unknown, or built in and not loaded yet. */
  price(target: Target, at?: number): Price | null;
}

/** The ledger cannot be written: the caller answers 503 and sends nothing. `code` is for programs, the message for the log. */
export class LedgerError extends Error {
  readonly code: 'ledger_unavailable' | 'ledger_closed';

  constructor(code: LedgerError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'LedgerError';
    this.code = code;
  }
}
