import { expect, test } from 'vitest';
import { Hedging } from '../../../plugins/relay/hedging.ts';
import { Health } from '../../../plugins/router/health.ts';
import type { Route } from '../../../plugins/router/index.ts';
import { candidate, groupOf, healthOptions, manualClock, provider, target } from '../router/targets.ts';

const streamed = (route: Route) => ({ route, call: { stream: true } });

const settings = { enabled: true, percentile: 95, min_samples: 10, min_delay: 0, max_ratio: 0.05, max_in_flight: 100 };
const owner = { onHedgeDue() {} };

/** A model with a target at each of the providers. */
function routeOf(...providers: readonly string[]): Route {
  const health = new Health(healthOptions, () => 0);
  const targets = providers.map((name) => target('up-1', 1, provider(name)));
  const candidates = targets.map((each, slot) => candidate(health, each, slot));
  return { model: 'm', groups: [groupOf(candidates)], timeouts: {} };
}

function rig(changes: Partial<typeof settings> = {}, state = { inFlight: 1, busy: false }) {
  const clock = manualClock();
  const hedging = new Hedging({
    settings: { ...settings, ...changes },
    inFlight: () => state.inFlight,
    busy: () => state.busy,
    now: clock.now,
  });
  return { hedging, clock, state };
}

test('extra requests never exceed their share of the requests of any 60 s, and none is saved up for the start', () => {
  const { hedging, clock } = rig();
  const route = routeOf('a', 'b');
  const sent: number[] = [];
  const extra: number[] = [];
  // Bursts, pauses and a rate that changes by a hundred; every call is late.
  for (let step = 0; step < 4_000; step++) {
    clock.pass(step % 700 === 0 ? 45_000 : step % 2_000 < 1_000 ? 3 : 300);
    hedging.arm(streamed(route), owner)?.stop();
    sent.push(clock.now());
    if (!hedging.allows(route)) continue;
    hedging.started(route);
    extra.push(clock.now());
  }
  expect(extra.length).toBeGreaterThan(20);
  expect(sent.indexOf(extra[0]!)).toBeGreaterThanOrEqual(19);
  for (const end of extra) {
    const within = (at: number) => at > end - 60_000 && at <= end;
    expect(extra.filter(within).length).toBeLessThanOrEqual(0.05 * sent.filter(within).length);
  }
  expect(hedging.counts.started + hedging.counts.capped).toBe(4_000);
});

test('nothing is hedged before enough answers were seen', () => {
  const { hedging } = rig();
  const route = routeOf('a', 'b');
  for (let seen = 0; seen < 10; seen++) {
    expect(hedging.arm(streamed(route), owner)).toBeNull();
    hedging.answered(streamed(route), 5);
  }
  const timer = hedging.arm(streamed(route), owner);
  expect(timer).not.toBeNull();
  timer!.stop();
});

test('it is late when it is later than the percentile', async () => {
  const { hedging } = rig({ percentile: 50 });
  const route = routeOf('a', 'b');
  for (let seen = 0; seen < 256; seen++) hedging.answered(streamed(route), seen % 2 === 0 ? 30 : 60);
  const began = performance.now();
  await new Promise<void>((resolve) => hedging.arm(streamed(route), { onHedgeDue: resolve }));
  expect(performance.now() - began).toBeGreaterThan(58);
});

test('a model whose targets are at one provider, or that is not to be hedged, costs nothing', () => {
  const { hedging } = rig({ min_samples: 0 });
  expect(hedging.arm(streamed(routeOf('a')), owner)).toBeNull();
  expect(hedging.allows(routeOf('a'))).toBe(false);
  const off = rig({ enabled: false, min_samples: 0 });
  expect(off.hedging.arm(streamed(routeOf('a', 'b')), owner)).toBeNull();
});

test('a hedge that was not started is not counted against the cap', () => {
  const { hedging } = rig({ max_ratio: 0.5 });
  const route = routeOf('a', 'b');
  for (let sent = 0; sent < 2; sent++) hedging.arm(streamed(route), owner)?.stop();
  for (let asked = 0; asked < 5; asked++) expect(hedging.allows(route)).toBe(true);
  hedging.started(route);
  expect(hedging.allows(route)).toBe(false);
});

test('P2: nothing is hedged above the limit of calls or while the process is too busy', () => {
  const { hedging, state } = rig({ max_ratio: 0.5, max_in_flight: 2 });
  const route = routeOf('a', 'b');
  for (let sent = 0; sent < 10; sent++) hedging.arm(streamed(route), owner)?.stop();
  state.inFlight = 3;
  expect(hedging.allows(route)).toBe(false);
  Object.assign(state, { inFlight: 2, busy: true });
  expect(hedging.allows(route)).toBe(false);
  expect(hedging.counts).toMatchObject({ busy: 2, capped: 0 });
  state.busy = false;
  expect(hedging.allows(route)).toBe(true);
});

test('documents and streams have times of their own: a document shows its first content when it is whole', async () => {
  const { hedging } = rig();
  const route = routeOf('a', 'b');
  for (let seen = 0; seen < 60; seen++) hedging.answered({ route, call: { stream: false } }, 8_000);
  expect(hedging.arm(streamed(route), owner)).toBeNull();
  const timer = hedging.arm({ route, call: { stream: false } }, owner);
  expect(timer).not.toBeNull();
  timer?.stop();
});
