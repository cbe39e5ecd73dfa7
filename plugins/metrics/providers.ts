import { Counter, type Registry } from 'prom-client';
import type { ProbeCounts } from '../probes/index.ts';
import type { ProviderKeys } from '../router/types.ts';
import { gauge } from './gauge.ts';

/** What keys of one provider rest for. */
const reasons = ['authentication', 'quota'] as const;

/** Keys of one provider. */
export interface ProviderKeysSample extends ProviderKeys {
  readonly provider: string;
}

/** The series of providers' API keys, read when scraped. Which key it is stands in the log and in /health/providers. */
export function keySeries(registry: Registry, read: () => readonly ProviderKeysSample[]): void {
  gauge(
    registry,
    'postern_provider_keys',
    'API keys of a provider.',
    (set) => {
      for (const { provider, total } of read()) set(total, { provider });
    },
    ['provider'],
  );
  gauge(
    registry,
    'postern_provider_keys_parked',
    'API keys of a provider that are not used for a while: refused, or without quota.',
    (set) => {
      for (const { provider, parked } of read()) {
        for (const reason of reasons) set(parked.filter((each) => each.reason === reason).length, { provider, reason });
      }
    },
    ['provider', 'reason'],
  );
}

export function probeSeries(registry: Registry, read: () => readonly ProbeCounts[]): void {
  new Counter({
    name: 'postern_probes_total',
    help: 'Probes of a provider and its targets by outcome.',
    labelNames: ['provider', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { provider, ok, failed } of read()) {
        this.inc({ provider, outcome: 'ok' }, ok);
        this.inc({ provider, outcome: 'failed' }, failed);
      }
    },
  });
}
