import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { Exchange, type Outcome } from '../../../plugins/exchange/exchange.ts';
import metrics, { type Metrics, type MetricsOptions } from '../../../plugins/metrics/index.ts';
import type { TargetHealth } from '../../../plugins/router/types.ts';
import type { Config } from '../../../schemas/config.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { targetHealth } from '../router/target-health.ts';

const noConfig = { models: {}, providers: {} } as unknown as Config;
const defaults: MetricsOptions = { version: '1.2.3', config: () => noConfig, targets: () => [], ledgerReady: () => true };

async function build(options: Partial<MetricsOptions> = {}): Promise<Metrics> {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(metrics, { ...defaults, ...options });
  return app.metrics;
}

interface Settled {
  readonly operation?: string;
  readonly provider?: string | null;
  readonly status?: number;
  readonly outcome?: Outcome;
  readonly usage?: Record<string, number> | null;
  readonly costNano?: number | null;
  readonly attempts?: number;
  readonly model?: string;
}

/** Took 2 s: 0.5 s to the first content, all but 10 ms of it upstream. */
function exchange(options: Settled = {}): Exchange {
  const made = new Exchange('ex_1', 'ex_1', options.operation ?? 'chat', noConfig, 1000, 0, () => undefined);
  made.provider = options.provider === undefined ? 'up' : options.provider;
  made.status = options.status ?? 200;
  made.outcome = options.outcome ?? 'ok';
  made.usage = options.usage ?? null;
  made.costNano = options.costNano === undefined ? 0 : options.costNano;
  made.attempts = options.attempts ?? 1;
  made.model = options.model ?? 'smart';
  made.firstContentAt = 1500;
  made.upstreamMs = 1990;
  made.endedAt = 3000;
  return made;
}

function settle(target: Metrics, each: Exchange): void {
  target.started();
  target.exchangeSettled(each);
}

const linesOf = async (from: Metrics, name: string) =>
  (await from.render()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));

test('registers alone and adds exactly the decorator metrics', async () => {
  const app = Fastify();
  whenDone(() => app.close());
  const before = new Set(Object.getOwnPropertyNames(app));
  await app.register(metrics, defaults);
  expect(Object.getOwnPropertyNames(app).filter((name) => !before.has(name))).toEqual(['metrics']);
});

test('two instances in one process share nothing', async () => {
  const [one, other] = [await build(), await build()];
  settle(one, exchange());
  expect(await linesOf(other, 'postern_requests_total')).toEqual([]);
});

test('a settled call is counted once by operation, provider, status and outcome', async () => {
  const target = await build();
  settle(target, exchange());
  settle(target, exchange());
  settle(target, exchange({ status: 499, outcome: 'cancelled' }));
  expect(await linesOf(target, 'postern_requests_total')).toEqual([
    'postern_requests_total{operation="chat",provider="up",status="200",outcome="ok"} 2',
    'postern_requests_total{operation="chat",provider="up",status="499",outcome="cancelled"} 1',
  ]);
});

test('durations are seconds in cumulative buckets', async () => {
  const target = await build();
  settle(target, exchange());
  const buckets = await linesOf(target, 'postern_request_duration_seconds_bucket');
  expect(buckets).toContain('postern_request_duration_seconds_bucket{le="1",operation="chat",provider="up"} 0');
  expect(buckets).toContain('postern_request_duration_seconds_bucket{le="2.5",operation="chat",provider="up"} 1');
  expect(buckets).toContain('postern_request_duration_seconds_bucket{le="+Inf",operation="chat",provider="up"} 1');
  expect(await linesOf(target, 'postern_request_duration_seconds_sum')).toEqual([
    'postern_request_duration_seconds_sum{operation="chat",provider="up"} 2',
  ]);
  expect(await linesOf(target, 'postern_request_duration_seconds_count')).toEqual([
    'postern_request_duration_seconds_count{operation="chat",provider="up"} 1',
  ]);
});

test('a value on a bucket bound is in that bucket', async () => {
  const target = await build();
  const made = exchange();
  made.endedAt = 2000;
  settle(target, made);
  const buckets = await linesOf(target, 'postern_request_duration_seconds_bucket');
  expect(buckets).toContain('postern_request_duration_seconds_bucket{le="1",operation="chat",provider="up"} 1');
  expect(buckets).toContain('postern_request_duration_seconds_bucket{le="0.5",operation="chat",provider="up"} 0');
});

test('overhead is the time in which no upstream was awaited', async () => {
  const target = await build();
  settle(target, exchange());
  expect(await linesOf(target, 'postern_overhead_seconds_sum')).toEqual([
    'postern_overhead_seconds_sum{operation="chat",provider="up"} 0.01',
  ]);
});

test('time to first content is observed only when there was content', async () => {
  const target = await build();
  settle(target, exchange());
  const silent = exchange();
  silent.firstContentAt = 0;
  settle(target, silent);
  expect(await linesOf(target, 'postern_time_to_first_content_seconds_sum')).toEqual([
    'postern_time_to_first_content_seconds_sum{operation="chat",provider="up"} 0.5',
  ]);
  expect(await linesOf(target, 'postern_time_to_first_content_seconds_count')).toEqual([
    'postern_time_to_first_content_seconds_count{operation="chat",provider="up"} 1',
  ]);
});

test('T1: clocks that make no sense never turn a sum into NaN or make it fall', async () => {
  const target = await build();
  const odd = exchange();
  odd.endedAt = Number.NaN;
  settle(target, odd);
  const backwards = exchange();
  backwards.upstreamMs = 1e9;
  settle(target, backwards);
  expect(await linesOf(target, 'postern_overhead_seconds_sum')).toEqual([
    'postern_overhead_seconds_sum{operation="chat",provider="up"} 0',
  ]);
});

test('used quantities are summed by provider and kind', async () => {
  const target = await build();
  settle(target, exchange({ usage: { input: 10, output: 5, cached: 0 } }));
  settle(target, exchange({ usage: { input: 1, output: 2, reasoning: 1 } }));
  expect(await linesOf(target, 'postern_tokens_total')).toEqual([
    'postern_tokens_total{provider="up",kind="input"} 11',
    'postern_tokens_total{provider="up",kind="output"} 7',
    'postern_tokens_total{provider="up",kind="reasoning"} 1',
  ]);
});

test('cost is summed in integers and shown in USD', async () => {
  const target = await build();
  for (let calls = 0; calls < 1000; calls++) settle(target, exchange({ costNano: 100_000_001 }));
  const [line] = await linesOf(target, 'postern_cost_usd_total');
  expect(Number(line!.split(' ')[1])).toBeCloseTo(100.000001, 9);
});

test('a call without a known price is counted as unpriced, not as free', async () => {
  const target = await build();
  settle(target, exchange({ costNano: null }));
  expect(await linesOf(target, 'postern_unpriced_total')).toEqual(['postern_unpriced_total{provider="up"} 1']);
  expect(await linesOf(target, 'postern_cost_usd_total')).toEqual(['postern_cost_usd_total{provider="up"} 0']);
});

test('a call that never went upstream has the provider none and no cost', async () => {
  const target = await build();
  settle(target, exchange({ provider: null, attempts: 0, status: 401, outcome: 'failed' }));
  expect(await linesOf(target, 'postern_requests_total')).toEqual([
    'postern_requests_total{operation="chat",provider="none",status="401",outcome="failed"} 1',
  ]);
  expect(await linesOf(target, 'postern_cost_usd_total')).toEqual([]);
});

test('attempts are counted by provider, outcome and reason', async () => {
  const target = await build();
  target.attemptSettled({ provider: 'up', outcome: 'failed', reason: 'timeout' });
  target.attemptSettled({ provider: 'up', outcome: 'ok', reason: null });
  target.attemptSettled({ provider: 'up', outcome: 'ok', reason: null });
  expect(await linesOf(target, 'postern_attempts_total')).toEqual([
    'postern_attempts_total{provider="up",outcome="failed",reason="timeout"} 1',
    'postern_attempts_total{provider="up",outcome="ok",reason="none"} 2',
  ]);
});

test('calls in flight go up when opened and down when settled', async () => {
  const target = await build();
  target.started();
  target.started();
  target.exchangeSettled(exchange());
  expect(await linesOf(target, 'postern_in_flight')).toEqual(['postern_in_flight 1']);
});

test('the model a caller names is in no label', async () => {
  const target = await build();
  settle(target, exchange({ model: 'canary-model' }));
  expect(await target.render()).not.toContain('canary-model');
});

test('labels are bounded whatever is counted', async () => {
  const target = await build();
  for (let at = 0; at < 5000; at++) {
    settle(target, exchange({ provider: `p${at}`, usage: { [`kind${at}`]: 1 } }));
    target.attemptSettled({ provider: 'up', outcome: 'failed', reason: `reason ${at}` });
  }
  const requests = await linesOf(target, 'postern_requests_total');
  expect(requests.length).toBeLessThan(300);
  expect(requests.at(-1)).toMatch(/provider="other".* 4744$/);
  expect((await linesOf(target, 'postern_attempts_total')).length).toBeLessThan(100);
});

test('the breaker and load of a configured target are shown as they are when scraped', async () => {
  const state = { breaker: 'open' as TargetHealth['breaker'] };
  const target = await build({
    config: () => ({ models: { smart: { targets: [{ provider: 'up', model: 'm' }] } }, providers: {} }) as unknown as Config,
    targets: () => [targetHealth('up/m', { ...state, inFlight: 4 })],
  });
  expect(await linesOf(target, 'postern_breaker_state')).toEqual(['postern_breaker_state{target="up/m"} 2']);
  expect(await linesOf(target, 'postern_target_in_flight')).toEqual(['postern_target_in_flight{target="up/m"} 4']);
  state.breaker = 'half_open';
  expect(await linesOf(target, 'postern_breaker_state')).toEqual(['postern_breaker_state{target="up/m"} 1']);
});

test('figures of a target have series only where they are known', async () => {
  const known = { latencyMs: 250, uptime: 0.75, limit: 8, share: 0.5, exclusion: 'keys' } as const;
  const target = await build({
    config: () =>
      ({
        models: { m: { targets: ['m', 'n'].map((model) => ({ provider: 'up', model })) } },
        providers: {},
      }) as unknown as Config,
    targets: () => [targetHealth('up/m', known), targetHealth('up/n')],
  });
  expect(await linesOf(target, 'postern_target_latency_seconds')).toEqual(['postern_target_latency_seconds{target="up/m"} 0.25']);
  expect(await linesOf(target, 'postern_target_uptime_ratio')).toEqual(['postern_target_uptime_ratio{target="up/m"} 0.75']);
  expect(await linesOf(target, 'postern_target_limit')).toEqual(['postern_target_limit{target="up/m"} 8']);
  expect(await linesOf(target, 'postern_target_share_ratio')).toEqual([
    'postern_target_share_ratio{target="up/m"} 0.5',
    'postern_target_share_ratio{target="up/n"} 1',
  ]);
  expect(await linesOf(target, 'postern_target_available')).toEqual([
    'postern_target_available{target="up/m"} 0',
    'postern_target_available{target="up/n"} 1',
  ]);
});

test('A6: parked keys are counted by provider and reason, never named', async () => {
  const target = await build({
    providerKeys: () => [
      { provider: 'up', total: 3, parked: [{ id: 'team-a', reason: 'quota', until: 1 }] },
      { provider: 'own', total: 1, parked: [] },
    ],
    probes: () => [{ provider: 'up', ok: 5, failed: 2 }],
  });
  expect(await linesOf(target, 'postern_provider_keys')).toEqual([
    'postern_provider_keys{provider="up"} 3',
    'postern_provider_keys{provider="own"} 1',
  ]);
  expect(await linesOf(target, 'postern_provider_keys_parked')).toEqual([
    'postern_provider_keys_parked{provider="up",reason="authentication"} 0',
    'postern_provider_keys_parked{provider="up",reason="quota"} 1',
    'postern_provider_keys_parked{provider="own",reason="authentication"} 0',
    'postern_provider_keys_parked{provider="own",reason="quota"} 0',
  ]);
  expect(await linesOf(target, 'postern_probes_total')).toEqual([
    'postern_probes_total{provider="up",outcome="ok"} 5',
    'postern_probes_total{provider="up",outcome="failed"} 2',
  ]);
  expect(await target.render()).not.toContain('team-a');
});

test('a target that is gone leaves no series behind', async () => {
  const known = { targets: [targetHealth('up/a')] };
  const target = await build({ targets: () => known.targets });
  expect(await linesOf(target, 'postern_breaker_state')).toHaveLength(1);
  known.targets = [];
  expect(await linesOf(target, 'postern_breaker_state')).toEqual([]);
});

test('a ledger that takes no rows is shown', async () => {
  const target = await build({ ledgerReady: () => false });
  expect(await linesOf(target, 'postern_ledger_ready')).toEqual(['postern_ledger_ready 0']);
});

test('the version is in build_info', async () => {
  expect(await linesOf(await build(), 'postern_build_info')).toEqual(['postern_build_info{version="1.2.3"} 1']);
});

test('L5: a stall of the event loop is shown, and reading it changes nothing', async () => {
  const target = await build();
  await new Promise((resolve) => setTimeout(resolve, 120));
  const until = performance.now() + 300;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 60));
  const first = target.eventLoopDelay();
  expect(first.max).toBeGreaterThan(0.15);
  expect(first.max).toBeLessThan(2);
  await target.render();
  expect(target.eventLoopDelay().max).toBeGreaterThanOrEqual(first.max);
  expect(await linesOf(target, 'postern_event_loop_delay_seconds')).toHaveLength(3);
});

test('an idle event loop shows no delay', async () => {
  const target = await build();
  await new Promise((resolve) => setTimeout(resolve, 400));
  // The sampler counts whole intervals of 50 ms; uncorrected this would be 0.05.
  expect(target.eventLoopDelay().p50).toBeLessThan(0.04);
});

test('the metrics of the process are there, without the event loop lag of the library', async () => {
  const text = await (await build()).render();
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_heap_size_used_bytes']) {
    expect(text).toContain(`\n${name} `);
  }
  expect(text).not.toContain('nodejs_eventloop_lag');
});

test('the text is valid for a Prometheus parser: one TYPE per name, before its samples', async () => {
  const target = await build({ targets: () => [targetHealth('up/m')] });
  settle(target, exchange({ usage: { input: 1 } }));
  target.attemptSettled({ provider: 'up', outcome: 'ok', reason: null });
  const types = new Map<string, string>();
  for (const line of (await target.render()).split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) {
      expect(types.has(type[1]!)).toBe(false);
      types.set(type[1]!, type[2]!);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? (-?[0-9.e+-]+|[+-]Inf|NaN)$/.exec(line);
    expect(sample, line).not.toBeNull();
    const name = sample![1]!;
    const family = name.replace(/_(bucket|sum|count)$/, '');
    expect(types.has(name) || types.get(family) === 'histogram' || types.get(family) === 'summary', line).toBe(true);
  }
});
