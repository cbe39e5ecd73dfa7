import { Counter, type Registry } from 'prom-client';
import type { PrefixCounts } from '../prefixes/contract.ts';

/** Counters of prompt prefixes that upstreams keep, read from `counts` when scraped. */
export function prefixSeries(registry: Registry, counts: () => readonly PrefixCounts[]): void {
  type Sample = readonly [labels: Record<string, string>, value: number];
  const family = (name: string, help: string, labelNames: string[], samples: (of: PrefixCounts) => readonly Sample[]): void => {
    new Counter({
      name,
      help,
      labelNames: ['provider', ...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const each of counts()) {
          for (const [labels, value] of samples(each)) this.inc({ provider: each.provider, ...labels }, value);
        }
      },
    });
  };
  family('postern_context_cache_hits_total', 'Answers to requests that referred to a kept prompt prefix.', [], ({ hits }) => [
    [{}, hits],
  ]);
  family('postern_context_cache_tokens_saved_total', 'Cached tokens that upstreams reported for those.', [], (of) => [
    [{}, of.tokensSaved],
  ]);
  family(
    'postern_context_cache_creates_total',
    'Prefixes that upstreams were asked to keep: kept, rejected (too small, not supported), failed.',
    ['outcome'],
    ({ creates }) => Object.entries(creates).map(([outcome, value]) => [{ outcome }, value]),
  );
  family('postern_context_cache_lost_total', 'Kept prefixes that an upstream did not have any more, or refused.', [], (of) => [
    [{}, of.lost],
  ]);
}
