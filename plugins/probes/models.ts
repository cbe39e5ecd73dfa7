import type { FastifyBaseLogger } from 'fastify';
import type { FailureReason, ProviderInstance } from '../../providers/provider.ts';
import type { RouterCore } from '../router/index.ts';
import { type Asker, failureOf } from '../upstream/ask.ts';
import type { ProbeCounts } from './index.ts';
import type { Probe } from './schedule.ts';

/** One failure may be a lost packet. */
const failuresInARow = 2;
/** No server was there to answer, or it said that it cannot. An answer that is refused, limited or not understood is one. */
const down: ReadonlySet<FailureReason> = new Set(['connect', 'network', 'timeout', 'server', 'overloaded'] as const);

export interface ModelsProbeOptions {
  readonly provider: ProviderInstance;
  readonly router: Pick<RouterCore, 'targetHealth'>;
  readonly asker: Asker;
  /** Milliseconds. */
  readonly timeout: number;
  readonly interval: number;
  readonly counts: ProbeCounts;
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'info'>;
}

/** Asks a provider for its list of models: whether there is a server that answers. It says nothing about keys and single models. */
export class ModelsProbe implements Probe {
  readonly #options: ModelsProbeOptions;
  #failures = 0;
  #number = 0;

  constructor(options: ModelsProbeOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { provider, asker, counts } = this.#options;
    const request = provider.type.catalogue?.(provider)?.request;
    if (request === undefined) return;
    const reason = await this.#ask(request);
    if (asker.closed) return;
    counts[reason === null ? 'ok' : 'failed']++;
    if (reason === null) this.#up();
    else this.#down(reason);
  }

  /** What the provider failed with; null when it answers. */
  async #ask(request: Parameters<Asker['ask']>[1]): Promise<FailureReason | null> {
    const { provider, router, asker, timeout } = this.#options;
    const { targetHealth } = router;
    // Each in turn: what one key may not list, another may.
    const key = targetHealth.pool(provider).working(this.#number++, targetHealth.now());
    try {
      const { head } = await asker.ask(provider, request, timeout, key);
      return head.status >= 500 ? 'server' : null;
    } catch (error) {
      const { reason } = failureOf(error);
      return down.has(reason) ? reason : null;
    }
  }

  #up(): void {
    const { provider, router, log } = this.#options;
    const wasDown = this.#failures >= failuresInARow;
    this.#failures = 0;
    if (!wasDown) return;
    router.targetHealth.probeSucceeded(provider);
    log.info({ provider: provider.name }, 'the provider answers probes again: its targets are used again');
  }

  #down(reason: FailureReason): void {
    const { provider, router, log, interval, timeout } = this.#options;
    this.#failures++;
    if (this.#failures < failuresInARow) return;
    router.targetHealth.probeFailed(provider, interval + timeout);
    if (this.#failures > failuresInARow) return;
    log.warn({ provider: provider.name, reason }, 'the provider does not answer probes: its targets are not used until it does');
  }
}
