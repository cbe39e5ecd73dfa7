import { describe, expect, it } from 'vitest';
import { model, rig } from './health-rig.ts';
import { candidate, target } from './targets.ts';

describe('waits that upstreams ask for', () => {
  it('A1: a target that limits the rate rests as long as it said, and nobody else does', () => {
    const { clock, health, fail } = rig();
    fail('rate_limit', 5_000);
    expect(health.wait(candidate(health, model))).toBe(5_000);
    expect(health.wait(candidate(health, target('small')))).toBe(0);
    clock.pass(5_000);
    expect(health.wait(candidate(health, model))).toBe(0);
  });

  it('rests for the configured time when no wait was named', () => {
    const { health, fail } = rig();
    fail('rate_limit');
    expect(health.wait(candidate(health, model))).toBe(500);
  });

  it('A3: a spent quota rests for a minute', () => {
    const { health, fail } = rig();
    fail('quota');
    expect(health.wait(candidate(health, model))).toBe(60_000);
  });

  it('keeps the longest wait: a shorter one said later ends nothing', () => {
    const { clock, health, fail } = rig();
    fail('rate_limit', 5_000);
    clock.pass(1_000);
    fail('rate_limit', 500);
    expect(health.wait(candidate(health, model))).toBe(4_000);
    fail('rate_limit', 9_000);
    expect(health.wait(candidate(health, model))).toBe(9_000);
  });

  it('A2: believes no wait beyond the longest', () => {
    const { health, fail } = rig();
    fail('rate_limit', 3_600_000);
    expect(health.wait(candidate(health, model))).toBe(60_000);
  });

  it('limits of the rate never open the breaker', () => {
    const { health, fail, clock, state } = rig();
    for (let count = 0; count < 50; count++) fail('rate_limit', 100);
    expect(state()).toMatchObject({ breaker: 'closed', consecutiveFailures: 0 });
    clock.pass(100);
    expect(health.wait(candidate(health, model))).toBe(0);
  });

  it('A4: an overloaded target that names a wait rests and is counted', () => {
    const { health, fail } = rig();
    fail('overloaded', 2_500);
    expect(health.wait(candidate(health, model))).toBe(2_500);
    fail('overloaded');
    fail('overloaded');
    expect(health.snapshot([model])[0]!.breaker).toBe('open');
    expect(health.wait(candidate(health, model))).toBe(2_500);
  });

  it('tells a target that limits the rate from one that is broken', () => {
    const { clock, health, fail, open } = rig();
    expect(health.keysRestFor(candidate(health, model)) === 'rate_limit').toBe(false);
    fail('rate_limit', 5_000);
    expect(health.keysRestFor(candidate(health, model)) === 'rate_limit').toBe(true);
    open();
    expect(health.keysRestFor(candidate(health, model)) === 'rate_limit').toBe(false);
    clock.pass(5_000);
    expect(health.keysRestFor(candidate(health, model)) === 'rate_limit').toBe(false);
  });

  it('A3: a target whose quota is spent does not count as one that limits the rate', () => {
    const { health, fail } = rig();
    fail('quota');
    expect(health.keysRestFor(candidate(health, model)) === 'rate_limit').toBe(false);
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
      exclusion: null,
      consecutiveFailures: 0,
      inFlight: 0,
      lastFailure: null,
      latencyMs: null,
      uptime: null,
      cacheShare: null,
      limit: null,
      share: 1,
      parked: [],
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
