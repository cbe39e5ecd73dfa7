import type { Translation } from '../../providers/provider.ts';
import type { Route, RouterCore, Shadow } from '../router/index.ts';
import { canTake, needsOf } from '../router/needs.ts';
import { exclusionBy } from '../router/restrictions.ts';
import type { TargetState } from '../router/target-state.ts';
import type { Upstream } from '../upstream/index.ts';
import type { SettledCost, Usage } from '../usage/index.ts';
import { timeoutsFor } from './call.ts';
import type { RunContext, RunInput } from './context.ts';
import { isFailure, translated } from './send.ts';
import { ShadowSend } from './shadow-send.ts';

/** Request bodies of all copies under way together: they outlive the calls whose bodies they hold. */
const mostBytes = 64 * 1024 * 1024;
/** A target that has failed gets no copy for this long, or as long as it asked for. Milliseconds. */
const restMs = 1_000;

/** Plain numbers since the start: what became of copies. */
export interface ShadowCounts {
  ok: number;
  failed: number;
  /** The time was over, or the process ended. */
  cancelled: number;
  /** Not made: as many as there may be are under way. */
  capped: number;
  /** Not made: the process has more to do than it can. */
  busy: number;
  /** Not made: the target is out or at its limit, cannot take the call, or may not have it. */
  unavailable: number;
}

export interface ShadowOptions {
  readonly router: RouterCore;
  readonly upstream: Upstream;
  readonly usage: Usage;
  readonly translation: RunContext['translation'];
  readonly configVersion: string;
  readonly random: () => number;
  /** The process has more to do than it can. */
  readonly busy: () => boolean;
  /** Hears of what copies cost. */
  readonly onSpent: (provider: string, cost: SettledCost) => void;
}

/**
 * Copies of calls to a second target, whose answers nobody sees. They belong to no exchange: the caller does not wait for them, does
 * not pay for them, and when it leaves they go on, within `max_in_flight` and the total timeout. What they show of their target
 * changes nothing for other calls; while under way they count as requests it is working on.
 */
export class Shadows {
  readonly counts: ShadowCounts = { ok: 0, failed: 0, cancelled: 0, capped: 0, busy: 0, unavailable: 0 };
  readonly #options: ShadowOptions;
  readonly #open = new Set<ShadowSend>();
  readonly #rests = new WeakMap<TargetState, number>();
  #bytes = 0;
  #closed = false;

  constructor(options: ShadowOptions) {
    this.#options = options;
  }

  /** Copies under way. */
  get size(): number {
    return this.#open.size;
  }

  /** A call has been sent to its first target: its copy follows, when there is to be one. Costs the caller nothing but this look. */
  copy(input: RunInput): void {
    // A key that the caller brought is for the call alone, and the operator's are for none that brings one.
    const shadow = input.own === null ? shadowOf(input.route) : null;
    if (shadow === null || (shadow.share < 1 && this.#options.random() >= shadow.share)) return;
    setImmediate(() => this.#start(input, shadow));
  }

  /** Gives up what is under way; resolves when that is in the ledger. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#open];
    for (const send of all) send.cancel('shutdown');
    await Promise.all(all.map((send) => send.settled));
  }

  #start(input: RunInput, shadow: Shadow): void {
    if (this.#closed) return;
    const outcome = this.#obstacle(input, shadow);
    if (outcome !== null) {
      this.counts[outcome]++;
      return;
    }
    const translation = this.#translated(input, shadow);
    if (translation !== null) this.#send(input, shadow, translation);
  }

  #translated(input: RunInput, { candidate }: Shadow): Translation | null {
    try {
      const translation = translated(this.#options, input, candidate.target);
      if (translation !== null && !isFailure(translation)) return translation;
      this.counts.unavailable++;
    } catch {
      // Nobody waits for it: thrown here it would end the process.
      this.counts.failed++;
    }
    return null;
  }

  #obstacle({ call, estimatedInput, restrictions }: RunInput, { candidate, config }: Shadow): keyof ShadowCounts | null {
    if (this.#options.busy()) return 'busy';
    const { target, state } = candidate;
    let underWay = 0;
    for (const send of this.#open) if (send.shadow.config === config) underWay++;
    if (underWay >= (config.max_in_flight ?? 10) || this.#bytes + call.body.bytes.length > mostBytes) return 'capped';
    const { targetHealth } = this.#options.router;
    const now = targetHealth.now();
    // Nor is a copy the one that finds out whether a target is back.
    if (state.breaker !== 'closed' || state.full || targetHealth.exclusion(state, now) !== null) return 'unavailable';
    if ((this.#rests.get(state) ?? 0) > now || !target.provider.operations.has(call.operation)) return 'unavailable';
    const needs = needsOf(call, estimatedInput);
    if (canTake(needs, target) !== null) return 'unavailable';
    // What a copy costs is not the caller's, where it goes is.
    const restriction = restrictions?.restriction(target, needs) ?? null;
    return restriction !== null && exclusionBy[restriction] === 'not_allowed' ? 'unavailable' : null;
  }

  #send({ exchange, call, route, estimatedInput, via }: RunInput, shadow: Shadow, translation: Translation): void {
    const { router, upstream, usage, configVersion, onSpent } = this.#options;
    const { target, state } = shadow.candidate;
    const record = usage.open(
      {
        exchange: exchange.id,
        requestId: exchange.requestId,
        attempt: 0,
        startedAt: Date.now(),
        operation: 'shadow',
        keyId: null,
        team: null,
        credential: 'operator',
        chargedAt: exchange.chargedAt,
        model: route.model,
        provider: target.provider.name,
        target: target.model,
        stream: call.stream,
        estimatedInput,
        metadata: null,
        configVersion,
      },
      target,
    );
    const bytes = call.body.bytes.length;
    const { max_rest } = exchange.config.health;
    const send = new ShadowSend({
      shadow,
      translation,
      record,
      stream: call.stream,
      timeouts: timeoutsFor(exchange.config, route, target.provider.config.timeouts),
      health: router.targetHealth,
      ended: (outcome, restFor) => {
        this.#open.delete(send);
        this.#bytes -= bytes;
        this.counts[outcome]++;
        if (restFor === null) return;
        this.#rests.set(state, router.targetHealth.now() + Math.min(Math.max(restFor, restMs), max_rest));
      },
    });
    this.#open.add(send);
    this.#bytes += bytes;
    send.settled.then((cost) => onSpent(target.provider.name, cost));
    send.start(upstream, via);
  }
}

function shadowOf({ groups }: Route): Shadow | null {
  return groups[0]?.shadow ?? null;
}
