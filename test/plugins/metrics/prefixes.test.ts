import Fastify from 'fastify';
import { expect, test } from 'vitest';
import metrics from '../../../plugins/metrics/index.ts';
import type { PrefixCounts } from '../../../plugins/prefixes/index.ts';
import type { Config } from '../../../schemas/config.ts';
import { opened } from '../../helper/cleanup.ts';

const config = { models: {}, providers: {} } as unknown as Config;

async function build(prefixes?: () => readonly PrefixCounts[]) {
  const app = opened(Fastify());
  await app.register(metrics, {
    version: '1',
    config: () => config,
    targets: () => [],
    ledgerReady: () => true,
    ...(prefixes === undefined ? {} : { prefixes }),
  });
  const lines = async () =>
    (await app.metrics.render()).split('\n').filter((line) => /^postern_(context|cost|tokens)/.test(line));
  return { metrics: app.metrics, lines };
}

test('kept prefixes are counted by provider, as they are when scraped', async () => {
  const up = { provider: 'up', hits: 3, tokensSaved: 24_000, creates: { kept: 1, rejected: 2, failed: 0 }, lost: 1 };
  const { lines } = await build(() => [up]);
  expect(await lines()).toEqual([
    'postern_context_cache_hits_total{provider="up"} 3',
    'postern_context_cache_tokens_saved_total{provider="up"} 24000',
    'postern_context_cache_creates_total{provider="up",outcome="kept"} 1',
    'postern_context_cache_creates_total{provider="up",outcome="rejected"} 2',
    'postern_context_cache_creates_total{provider="up",outcome="failed"} 0',
    'postern_context_cache_lost_total{provider="up"} 1',
  ]);
  up.hits = 4;
  expect((await lines())[0]).toContain(' 4');
});

test('what was spent beside any call is in the same sums as what calls cost', async () => {
  const { metrics: made, lines } = await build();
  made.spent('up', { nanoUsd: 2_000_000_000, quantities: { input: 8_000, cache_storage_hour: 700 }, source: 'provider' });
  made.spent('up', { nanoUsd: null, quantities: { input: 1 }, source: 'provider' });
  expect(await lines()).toEqual([
    'postern_tokens_total{provider="up",kind="input"} 8001',
    'postern_tokens_total{provider="up",kind="cache_storage_hour"} 700',
    'postern_cost_usd_total{provider="up"} 2',
  ]);
  expect(await made.render()).toContain('postern_unpriced_total{provider="up"} 1');
});
