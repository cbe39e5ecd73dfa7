import { Counter, type Registry } from 'prom-client';
import type { LimitCounts } from '../limits/contract.ts';
import { gauge } from './gauge.ts';

const nano = 1e-9;

/** Series of rate limits and budgets, read when scraped. */
export function limitSeries(registry: Registry, counts: () => LimitCounts): void {
  new Counter({
    name: 'postern_limit_refusals_total',
    help: 'Calls and further attempts that a limit refused, by its name and by whose it is.',
    labelNames: ['limit', 'scope'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { rule, scope, count } of counts().refusals) this.inc({ limit: rule, scope }, count);
    },
  });
  gauge(registry, 'postern_limited_calls', 'Calls under way that limits hold for.', (set) => set(counts().open));
  gauge(registry, 'postern_held_tokens', 'Tokens held for calls under way.', (set) => set(counts().held.tokens));
  gauge(registry, 'postern_held_usd', 'USD held on budgets for calls under way.', (set) => set(counts().held.nanoUsd * nano));
  new Counter({
    name: 'postern_budget_alerts_total',
    help: 'Times that an alerting share of a budget was reached.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(counts().alerts);
    },
  });
  new Counter({
    name: 'postern_alert_webhooks_total',
    help: 'Alerts posted to webhooks, by what became of them.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(counts().webhooks)) this.inc({ outcome }, count);
    },
  });
}
