import type { Target, UpstreamFailure } from '../../providers/provider.ts';
import type { Quantities } from '../../providers/unified.ts';
import { failureOf, UpstreamRefusal } from '../upstream/ask.ts';
import { failed } from '../upstream/index.ts';
import type { SettledCost, Settlement, Usage } from '../usage/index.ts';
import { ownIntent } from '../usage/own-intent.ts';
import type { Cause } from './table.ts';

const hour = 3_600_000;

export interface ChargesOptions {
  readonly usage: Pick<Usage, 'open' | 'price'>;
  readonly configVersion: string;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Hears of every row. */
  readonly onSpent: (provider: string, cost: SettledCost) => void;
}

/** What prefixes cost, in the ledger: operation `context_cache`, attempt 0 of the exchange that was the cause. */
export class Charges {
  readonly #options: ChargesOptions;

  constructor(options: ChargesOptions) {
    this.#options = options;
  }

  /** Whether storage has a price; without one it is not in the ledger. */
  storageIsPriced(target: Target): boolean {
    return this.#options.usage.price(target)?.rates.base.cache_storage_hour !== undefined;
  }

  /** Of `tokens` read and then stored for `life` milliseconds; started hours of a single token count whole. */
  quantities(target: Target, read: number, stored: number, life: number): Quantities {
    return this.storageIsPriced(target)
      ? { input: read, cache_storage_hour: Math.ceil((stored * life) / hour) }
      : { input: read };
  }

  /**
   * Runs `work` between the two halves of a row. It gives its result and what was used, null when the upstream did not say. Rejects as
   * `work` does, and with `UpstreamRefusal` when the ledger takes no row: then `work` is not run.
   */
  async row<T>(
    target: Target,
    cause: Cause,
    estimatedInput: number,
    work: () => Promise<{ readonly result: T; readonly used: Quantities | null }>,
  ): Promise<T> {
    const { usage, configVersion, now, onSpent } = this.#options;
    const startedAt = now();
    const record = usage.open(
      ownIntent({ operation: 'context_cache', ...cause, estimatedInput, startedAt, configVersion }, target),
      target,
    );
    const settle = async (used: Quantities | null, failure: UpstreamFailure | null): Promise<void> => {
      const cost = await record.settle(settlement(used, failure, startedAt, now()));
      onSpent(target.provider.name, cost);
    };
    try {
      await record.committed;
    } catch {
      const failure = failed('server', 'the ledger cannot be written', true);
      await settle(null, failure);
      throw new UpstreamRefusal(failure);
    }
    try {
      const { result, used } = await work();
      await settle(used, null);
      return result;
    } catch (error) {
      await settle(null, failureOf(error));
      throw error;
    }
  }
}

function settlement(used: Quantities | null, failure: UpstreamFailure | null, startedAt: number, endedAt: number): Settlement {
  const status = failure?.status ?? 200;
  return {
    outcome: failure === null ? 'ok' : 'failed',
    reason: failure?.reason ?? null,
    status,
    upstreamStatus: status,
    servedModel: null,
    usage: used,
    estimatedOutput: 0,
    unsent: failure?.unsent ?? false,
    endedAt,
    firstContentMs: null,
    totalMs: endedAt - startedAt,
  };
}
