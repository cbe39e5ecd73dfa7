import { describe, expect, it } from 'vitest';
import type { FailureReason } from '../../../providers/provider.ts';
import { model, rig } from './health-rig.ts';
import { candidate, failure, reasons, target } from './targets.ts';

const callersFaults: readonly FailureReason[] = [
  'invalid_request',
  'context_length',
  'content_policy',
  'too_large',
  'not_found',
  'prefix_lost',
];
/** The key's, not the target's. */
const askForRest: readonly FailureReason[] = ['rate_limit', 'quota', 'authentication'];
/** A key's that the caller brought: of no interest to others. */
const ofCallersKeys: readonly FailureReason[] = ['caller_key', 'caller_rate_limit', 'caller_quota'];
const targetsFaults = reasons.filter((reason) => ![...callersFaults, ...askForRest, ...ofCallersKeys].includes(reason));

describe('the breaker', () => {
  it.each(targetsFaults)('opens after consecutive failures: %s', (reason) => {
    const { health, fail } = rig();
    fail(reason);
    fail(reason);
    expect(health.wait(candidate(health, model))).toBe(0);
    fail(reason);
    expect(health.wait(candidate(health, model))).toBe(1_000);
  });

  it.each(callersFaults)('A7: never opens by what callers did wrong: %s', (reason) => {
    const { health, fail, state } = rig();
    for (let count = 0; count < 50; count++) fail(reason);
    expect(health.wait(candidate(health, model))).toBe(0);
    expect(state()).toMatchObject({ breaker: 'closed', consecutiveFailures: 0, unavailableUntil: null, lastFailure: null });
  });

  it('counts consecutive failures anew after a success', () => {
    const { health, fail, succeed } = rig();
    for (let count = 0; count < 5; count++) {
      fail();
      fail();
      succeed();
    }
    expect(health.wait(candidate(health, model))).toBe(0);
  });

  it('opens when too large a share of enough requests fails', () => {
    const { health, fail, succeed } = rig();
    for (let count = 0; count < 5; count++) {
      succeed();
      if (count < 4) fail();
    }
    expect(health.wait(candidate(health, model))).toBe(0);
    fail();
    expect(health.wait(candidate(health, model))).toBe(1_000);
  });

  it('does not judge the share of a few requests', () => {
    const { health, fail, succeed } = rig({ consecutive_failures: 100 });
    succeed();
    for (let count = 0; count < 8; count++) fail();
    expect(health.wait(candidate(health, model))).toBe(0);
    fail();
    expect(health.wait(candidate(health, model))).toBe(1_000);
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
    expect(health.wait(candidate(health, model))).toBe(0);
  });

  it('remembers the half of the window before the running one', () => {
    const { clock, health, fail } = rig({ consecutive_failures: 100 });
    for (let count = 0; count < 9; count++) fail();
    clock.pass(5_000);
    fail();
    expect(health.wait(candidate(health, model))).toBe(1_000);
  });

  it('admits exactly one probe when the open period is over', () => {
    const { clock, health, open, state } = rig();
    open();
    clock.pass(999);
    expect(health.wait(candidate(health, model))).toBe(1);
    clock.pass(1);
    expect(health.wait(candidate(health, model))).toBe(0);
    expect(state().breaker).toBe('half_open');
    expect(health.admit(candidate(health, model))).toMatchObject({ probe: true });
    expect(health.wait(candidate(health, model))).toBeGreaterThan(0);
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
    expect(health.wait(candidate(health, model))).toBe(0);
    fail();
    expect(health.wait(candidate(health, model))).toBe(1_000);
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
      periods.push(health.wait(candidate(health, model)));
      clock.pass(health.wait(candidate(health, model)));
      fail();
    }
    expect([...periods, health.wait(candidate(health, model))]).toEqual([1_000, 2_000, 4_000, 4_000, 4_000]);
  });

  it('begins with the first open period again after it was closed', () => {
    const { clock, health, open, fail, succeed } = rig();
    open();
    clock.pass(1_000);
    fail();
    clock.pass(2_000);
    succeed();
    open();
    expect(health.wait(candidate(health, model))).toBe(1_000);
  });

  it('frees the probe when its caller leaves', () => {
    const { clock, health, open, state } = rig();
    open();
    clock.pass(1_000);
    health.withdrawn(health.admit(candidate(health, model)));
    expect(health.wait(candidate(health, model))).toBe(0);
    expect(state()).toMatchObject({ breaker: 'half_open', inFlight: 0 });
    expect(health.admit(candidate(health, model))).toMatchObject({ probe: true });
  });

  it('stays half-open when the probe is told to wait, and probes again after that wait', () => {
    const { clock, health, open, fail, succeed, state } = rig();
    open();
    clock.pass(1_000);
    fail('rate_limit', 7_000);
    expect(health.wait(candidate(health, model))).toBe(7_000);
    clock.pass(7_000);
    expect(health.wait(candidate(health, model))).toBe(0);
    expect(state().breaker).toBe('half_open');
    succeed();
    expect(state().breaker).toBe('closed');
  });

  it('is not closed or opened again by requests that were under way when it opened', () => {
    const { clock, health, open, state } = rig();
    const early = [health.admit(candidate(health, model)), health.admit(candidate(health, model))];
    open();
    clock.pass(400);
    health.succeeded(early[0]!);
    health.failed(early[1]!, failure('server'));
    expect(health.wait(candidate(health, model))).toBe(600);
    expect(state().breaker).toBe('open');
  });

  it('judges each target by its own answers', () => {
    const { health, open } = rig();
    open();
    expect(health.wait(candidate(health, target('small')))).toBe(0);
  });
});
