import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Health } from '../../../plugins/router/health.ts';
import type { FailureReason } from '../../../providers/provider.ts';
import { failure, healthOptions, manualClock, reasons, target } from './targets.ts';

const model = target('large');

function rig(options: Partial<typeof healthOptions> = {}) {
  const clock = manualClock();
  const health = new Health({ ...healthOptions, ...options }, clock.now);
  const fail = (reason: FailureReason = 'server', retryAfterMs: number | null = null) =>
    health.failed(health.admit(model), failure(reason, { retryAfterMs }));
  const succeed = () => health.succeeded(health.admit(model));
  const state = () => health.snapshot([model])[0]!;
  /** Three failures in a row open the breaker for 1 s. */
  const open = () => {
    for (let count = 0; count < 3; count++) fail();
  };
  return { clock, health, fail, succeed, state, open };
}

const callersFaults: readonly FailureReason[] = ['invalid_request', 'context_length', 'content_policy', 'too_large', 'not_found'];
const askForRest: readonly FailureReason[] = ['rate_limit', 'quota'];
const targetsFaults = reasons.filter((reason) => !callersFaults.includes(reason) && !askForRest.includes(reason));

describe('the breaker', () => {
  it.each(targetsFaults)('opens after consecutive failures: %s', (reason) => {
    const { health, fail } = rig();
    fail(reason);
    fail(reason);
    expect(health.wait(model)).toBe(0);
    fail(reason);
    expect(health.wait(model)).toBe(1_000);
  });

  it.each(callersFaults)('A7: never opens by what callers did wrong: %s', (reason) => {
    const { health, fail, state } = rig();
    for (let count = 0; count < 50; count++) fail(reason);
    expect(health.wait(model)).toBe(0);
    expect(state()).toMatchObject({ breaker: 'closed', consecutiveFailures: 0, unavailableUntil: null, lastFailure: null });
  });

  it('counts consecutive failures anew after a success', () => {
    const { health, fail, succeed } = rig();
    for (let count = 0; count < 5; count++) {
      fail();
      fail();
      succeed();
    }
    expect(health.wait(model)).toBe(0);
  });

  it('opens when too large a share of enough requests fails', () => {
    const { health, fail, succeed } = rig();
    for (let count = 0; count < 5; count++) {
      succeed();
      if (count < 4) fail();
    }
    expect(health.wait(model)).toBe(0);
    fail();
    expect(health.wait(model)).toBe(1_000);
  });

  it('does not judge the share of a few requests', () => {
    const { health, fail, succeed } = rig({ consecutive_failures: 100 });
    succeed();
    for (let count = 0; count < 8; count++) fail();
    expect(health.wait(model)).toBe(0);
    fail();
    expect(health.wait(model)).toBe(1_000);
  });

  it.each([
    ['two halves of the window', 10_000],
    ['a long silence', 3_600_000],
  ])('forgets requests that are older than the window: %s', (_name, ms) => {
    const { clock, health, fail, succeed } = rig({ consecutive_failures: 100 });
    for (let count = 0; count < 9; count++) fail();
    clock.pass(ms);
    succeed();
    for (let count = 0; count < 8; count++) fail();
    expect(health.wait(model)).toBe(0);
  });

  it('remembers the half of the window before the running one', () => {
    const { clock, health, fail } = rig({ consecutive_failures: 100 });
    for (let count = 0; count < 9; count++) fail();
    clock.pass(5_000);
    fail();
    expect(health.wait(model)).toBe(1_000);
  });

  it('admits exactly one probe when the open period is over', () => {
    const { clock, health, open, state } = rig();
    open();
    clock.pass(999);
    expect(health.wait(model)).toBe(1);
    clock.pass(1);
    expect(health.wait(model)).toBe(0);
    expect(state().breaker).toBe('half_open');
    expect(health.admit(model)).toMatchObject({ probe: true });
    expect(health.wait(model)).toBeGreaterThan(0);
    expect(state()).toMatchObject({ breaker: 'half_open', inFlight: 1 });
  });

  it('closes when the probe succeeds, with nothing held against the target', () => {
    const { clock, health, open, fail, succeed, state } = rig();
    open();
    clock.pass(1_000);
    succeed();
    expect(state()).toMatchObject({ breaker: 'closed', consecutiveFailures: 0, inFlight: 0, unavailableUntil: null });
    fail();
    fail();
    expect(health.wait(model)).toBe(0);
    fail();
    expect(health.wait(model)).toBe(1_000);
  });

  it('A7: closes when the probe fails by the fault of its caller', () => {
    const { clock, open, fail, state } = rig();
    open();
    clock.pass(1_000);
    fail('invalid_request');
    expect(state().breaker).toBe('closed');
  });

  it('doubles the open period with each failed probe, up to the longest', () => {
    const { clock, health, open, fail } = rig();
    open();
    const periods: number[] = [];
    for (let count = 0; count < 4; count++) {
      periods.push(health.wait(model));
      clock.pass(health.wait(model));
      fail();
    }
    expect([...periods, health.wait(model)]).toEqual([1_000, 2_000, 4_000, 4_000, 4_000]);
  });

  it('begins with the first open period again after it was closed', () => {
    const { clock, health, open, fail, succeed } = rig();
    open();
    clock.pass(1_000);
    fail();
    clock.pass(2_000);
    succeed();
    open();
    expect(health.wait(model)).toBe(1_000);
  });

  it('frees the probe when its caller leaves', () => {
    const { clock, health, open, state } = rig();
    open();
    clock.pass(1_000);
    health.withdrawn(health.admit(model));
    expect(health.wait(model)).toBe(0);
    expect(state()).toMatchObject({ breaker: 'half_open', inFlight: 0 });
    expect(health.admit(model)).toMatchObject({ probe: true });
  });

  it('stays half-open when the probe is told to wait, and probes again after that wait', () => {
    const { clock, health, open, fail, succeed, state } = rig();
    open();
    clock.pass(1_000);
    fail('rate_limit', 7_000);
    expect(health.wait(model)).toBe(7_000);
    clock.pass(7_000);
    expect(health.wait(model)).toBe(0);
    expect(state().breaker).toBe('half_open');
    succeed();
    expect(state().breaker).toBe('closed');
  });

  it('is not closed or opened again by requests that were under way when it opened', () => {
    const { clock, health, open, state } = rig();
    const early = [health.admit(model), health.admit(model)];
    open();
    clock.pass(400);
    health.succeeded(early[0]!);
    health.failed(early[1]!, failure('server'));
    expect(health.wait(model)).toBe(600);
    expect(state().breaker).toBe('open');
  });

  it('judges each target by its own answers', () => {
    const { health, open } = rig();
    open();
    expect(health.wait(target('small'))).toBe(0);
  });
});

describe('waits that upstreams ask for', () => {
  it('A1: a target that limits the rate rests as long as it said, and nobody else does', () => {
    const { clock, health, fail } = rig();
    fail('rate_limit', 5_000);
    expect(health.wait(model)).toBe(5_000);
    expect(health.wait(target('small'))).toBe(0);
    clock.pass(5_000);
    expect(health.wait(model)).toBe(0);
  });

  it('rests for the configured time when no wait was named', () => {
    const { health, fail } = rig();
    fail('rate_limit');
    expect(health.wait(model)).toBe(500);
  });

  it('A3: a spent quota rests for a minute', () => {
    const { health, fail } = rig();
    fail('quota');
    expect(health.wait(model)).toBe(60_000);
  });

  it('keeps the longest wait: a shorter one said later ends nothing', () => {
    const { clock, health, fail } = rig();
    fail('rate_limit', 5_000);
    clock.pass(1_000);
    fail('rate_limit', 500);
    expect(health.wait(model)).toBe(4_000);
    fail('rate_limit', 9_000);
    expect(health.wait(model)).toBe(9_000);
  });

  it('A2: believes no wait beyond the longest', () => {
    const { health, fail } = rig();
    fail('rate_limit', 3_600_000);
    expect(health.wait(model)).toBe(60_000);
  });

  it('limits of the rate never open the breaker', () => {
    const { health, fail, clock, state } = rig();
    for (let count = 0; count < 50; count++) fail('rate_limit', 100);
    expect(state()).toMatchObject({ breaker: 'closed', consecutiveFailures: 0 });
    clock.pass(100);
    expect(health.wait(model)).toBe(0);
  });

  it('A4: an overloaded target that names a wait rests and is counted', () => {
    const { health, fail } = rig();
    fail('overloaded', 2_500);
    expect(health.wait(model)).toBe(2_500);
    fail('overloaded');
    fail('overloaded');
    expect(health.snapshot([model])[0]!.breaker).toBe('open');
    expect(health.wait(model)).toBe(2_500);
  });

  it('tells a target that limits the rate from one that is broken', () => {
    const { clock, health, fail, open } = rig();
    expect(health.isRateLimited(model)).toBe(false);
    fail('rate_limit', 5_000);
    expect(health.isRateLimited(model)).toBe(true);
    open();
    expect(health.isRateLimited(model)).toBe(false);
    clock.pass(5_000);
    expect(health.isRateLimited(model)).toBe(false);
  });

  it('A3: a target whose quota is spent does not count as one that limits the rate', () => {
    const { health, fail } = rig();
    fail('quota');
    expect(health.isRateLimited(model)).toBe(false);
  });
});

describe('the snapshot', () => {
  it('shows a target that was never asked as available', () => {
    expect(rig().state()).toEqual({
      target: 'acme/large',
      provider: 'acme',
      model: 'large',
      breaker: 'closed',
      unavailableUntil: null,
      consecutiveFailures: 0,
      inFlight: 0,
      lastFailure: null,
    });
  });

  it('tells times as unix milliseconds, whatever the clock of the process counts from', () => {
    const { open, state } = rig();
    open();
    const { unavailableUntil, lastFailure } = state();
    expect(Math.abs(unavailableUntil! - Date.now() - 1_000)).toBeLessThan(500);
    expect(lastFailure!.reason).toBe('server');
    expect(Math.abs(lastFailure!.at - Date.now())).toBeLessThan(500);
  });
});

describe('any history', () => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 3_000 }),
    end: fc.constantFrom<FailureReason | 'ok' | 'left'>('ok', 'left', ...reasons),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 100_000 })),
  });

  it('leaves no request in flight, never waits beyond the longest rest, and always comes back', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { clock, health, state } = rig();
        for (const { ms, end, retryAfterMs } of steps) {
          clock.pass(ms);
          if (health.wait(model) > 0) continue;
          const admission = health.admit(model);
          if (end === 'ok') health.succeeded(admission);
          else if (end === 'left') health.withdrawn(admission);
          else health.failed(admission, failure(end, { retryAfterMs }));
          expect(health.wait(model)).toBeLessThanOrEqual(60_000);
        }
        expect(state().inFlight).toBe(0);
        clock.pass(60_000);
        expect(health.wait(model)).toBe(0);
        health.succeeded(health.admit(model));
        expect(state().breaker).toBe('closed');
      }),
    );
  });

  it('admits at most one request at a time while the breaker is not closed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()), { maxLength: 60 }), (steps) => {
        const { clock, health, open, state } = rig();
        open();
        const probes: ReturnType<Health['admit']>[] = [];
        for (const [action, recovers] of steps) {
          if (action === 0) clock.pass(700);
          else if (action < 3 && health.wait(model) === 0 && state().breaker !== 'closed') probes.push(health.admit(model));
          else if (probes.length > 0) {
            const probe = probes.pop()!;
            if (recovers) health.withdrawn(probe);
            else health.failed(probe, failure('timeout'));
          }
          expect(probes.length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

it('remembers a bounded number of targets: callers choose model names', () => {
  const { clock, health, open } = rig();
  open();
  for (let count = 0; count < 50_000; count++) {
    const other = target(`made-up-${count}`);
    health.failed(health.admit(other), failure('not_found'));
    // A target in use is asked for its state with each request, which keeps it.
    if (count % 1_000 === 0) health.wait(model);
  }
  expect(health.size).toBeLessThanOrEqual(10_000);
  expect(health.wait(model)).toBe(1_000);
  clock.pass(1_000);
  expect(health.admit(model)).toMatchObject({ probe: true });
});

it('a request whose target was forgotten in between ends without touching what is known of it since', () => {
  const { health, state } = rig();
  const early = health.admit(model);
  for (let count = 0; count < 20_000; count++) health.admit(target(`made-up-${count}`));
  const later = health.admit(model);
  health.failed(early, failure('server'));
  expect(state()).toMatchObject({ inFlight: 1, consecutiveFailures: 0 });
  health.succeeded(later);
  expect(state().inFlight).toBe(0);
});
