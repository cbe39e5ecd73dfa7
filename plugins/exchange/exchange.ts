import type { Quantities } from '../../providers/unified.ts';
import type { Budget, Config, RateLimits } from '../../schemas/config.ts';
import type { GatewayOption } from '../../schemas/gateway-options.ts';
import type { Decision } from '../router/decision.ts';

/** What a key or a team may use, all calls of its together. Frozen; another object once anything of it changes. */
export interface Allowance {
  readonly scope: 'key' | 'team';
  /** `key_…` or `team_…`. */
  readonly id: string;
  readonly name: string;
  readonly rates: RateLimits;
  readonly budgets: readonly Budget[];
}

/** A provider's key that the caller sent, for this call alone. Never logged, kept or counted by its value. */
export interface CallerKey {
  /** The provider it is for; null: that of the requested model. */
  readonly provider: string | null;
  readonly secret: string;
}

/** Who calls, as the auth stage found out. */
export interface Principal {
  /** `key_…`; null when no key is asked for. */
  readonly keyId: string | null;
  readonly name: string | null;
  /** `team_…`; null when the key is of none. */
  readonly team: string | null;
  /** Of the key and of its team, as far as they have any. */
  readonly allowances: readonly Allowance[];
  /** Names of the providers the key may use; null = all. */
  readonly providers: readonly string[] | null;
  /** Labels of the key, stored with each call; null for none. */
  readonly metadata: Readonly<Record<string, string>> | null;
  /** False: its calls leave no line in the access log. */
  readonly log: boolean;
  /** Model names and patterns the key may use; null = all. */
  readonly models: readonly string[] | null;
  /** Options the key may set in the body object `gateway`; null = those of `auth.options`. */
  readonly options: readonly GatewayOption[] | null;
}

export const anonymous: Principal = Object.freeze({
  keyId: null,
  name: null,
  team: null,
  allowances: [],
  providers: null,
  metadata: null,
  log: true,
  models: null,
  options: null,
});

export type CancelReason = 'client_closed' | 'deadline' | 'write_stall' | 'shutdown';

export type Outcome = 'ok' | 'failed' | 'cancelled';

/**
 * One admitted client call: ids, clocks, deadline, cancellation and outcome. Settles once, when the response has closed
 * and every attempt is in the ledger. `startedAt` and the other `…At` fields are `performance.now()` milliseconds.
 */
export class Exchange {
  /** `ex_…`, time-ordered, unique across restarts; the ledger's key. */
  readonly id: string;
  /** The caller's `x-request-id` where it is well-formed, else `id`; correlation only. */
  readonly requestId: string;
  readonly startedAt: number;
  /** Unix milliseconds. */
  readonly startedWall: number;
  readonly operation: string;
  /** The snapshot this exchange started with. */
  readonly config: Config;

  principal: Principal = anonymous;
  /** The provider's key that the caller sent; null: the operator's are used. */
  callerKey: CallerKey | null = null;
  /** Unix milliseconds by the clock of the limits: the hour, day and month that it is counted in. */
  chargedAt: number;
  /** Model the caller named. */
  model: string | null = null;
  stream = false;
  /** Of the request body, as received. */
  bodyBytes = 0;
  provider: string | null = null;
  /** Upstream model of the last attempt. */
  target: string | null = null;
  /** What the upstream said answered. */
  servedModel: string | null = null;
  attempts = 0;
  outcome: Outcome = 'ok';
  /** Failure reason or cancel reason; null when all went well. */
  reason: string | null = null;
  /** Status the caller got, 499 when it left first. */
  status = 0;
  /** Why its targets were chosen; null before any was. */
  decision: Decision | null = null;
  usage: Quantities | null = null;
  usageSource: 'provider' | 'estimated' | 'none' = 'none';
  /** Integer nano-USD over all attempts; null when a price is unknown. */
  costNano: number | null = 0;
  firstContentAt = 0;
  /** Milliseconds in which the upstream, not this process, was awaited. */
  upstreamMs = 0;
  endedAt = 0;

  /** Set once the caller left or time is up; nothing may be sent upstream any more. */
  cancelled: CancelReason | null = null;
  settled = false;

  /** Where it stands among the open ones. */
  place = 0;

  #onCancel: ((reason: CancelReason) => void) | null = null;
  #pending = 0;
  #closed = false;
  readonly #onSettled: (exchange: Exchange) => void;

  constructor(
    id: string,
    requestId: string,
    operation: string,
    config: Config,
    startedAt: number,
    startedWall: number,
    onSettled: (exchange: Exchange) => void,
  ) {
    this.id = id;
    this.requestId = requestId;
    this.operation = operation;
    this.config = config;
    this.startedAt = startedAt;
    this.startedWall = startedWall;
    this.chargedAt = startedWall;
    this.#onSettled = onSettled;
  }

  /** The one listener for cancellation: whoever is working on the exchange right now. Called at once when already cancelled. */
  set onCancel(listener: ((reason: CancelReason) => void) | null) {
    this.#onCancel = listener;
    if (listener !== null && this.cancelled !== null) listener(this.cancelled);
  }

  /** First caller wins. */
  cancel(reason: CancelReason): void {
    if (this.cancelled !== null || this.settled) return;
    this.cancelled = reason;
    this.#onCancel?.(reason);
  }

  /** Why the caller gets no whole answer. */
  failed(reason: string): void {
    this.outcome = 'failed';
    this.reason = reason;
  }

  /** Something (an attempt's ledger row) has to finish before the exchange can settle. */
  hold(): void {
    this.#pending++;
  }

  release(): void {
    this.#pending--;
    this.#settle();
  }

  /** The response has closed, delivered or not. */
  close(at: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.endedAt = at;
    this.#settle();
  }

  #settle(): void {
    if (this.settled || !this.#closed || this.#pending > 0) return;
    this.settled = true;
    this.#onCancel = null;
    this.#onSettled(this);
  }
}
