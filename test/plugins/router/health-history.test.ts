import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Health } from '../../../plugins/router/health.ts';
import type { FailureReason } from '../../../providers/provider.ts';
import { model, rig } from './health-rig.ts';
import { candidate, failure, reasons, target } from './targets.ts';

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
          if (health.wait(candidate(health, model)) > 0) continue;
          const admission = health.admit(candidate(health, model));
          if (end === 'ok') health.succeeded(admission);
          else if (end === 'left') health.withdrawn(admission);
          else health.failed(admission, failure(end, { retryAfterMs }));
          expect(health.wait(candidate(health, model))).toBeLessThanOrEqual(60_000);
        }
        expect(state().inFlight).toBe(0);
        clock.pass(60_000);
        expect(health.wait(candidate(health, model))).toBe(0);
        health.succeeded(health.admit(candidate(health, model)));
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
          else if (action < 3 && health.wait(candidate(health, model)) === 0 && state().breaker !== 'closed')
            probes.push(health.admit(candidate(health, model)));
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
    health.failed(health.admit(candidate(health, other)), failure('not_found'));
    // A target in use is asked for its state with each request, which keeps it.
    if (count % 1_000 === 0) health.wait(candidate(health, model));
  }
  expect(health.size).toBeLessThanOrEqual(10_000);
  expect(health.wait(candidate(health, model))).toBe(1_000);
  clock.pass(1_000);
  expect(health.admit(candidate(health, model))).toMatchObject({ probe: true });
});

it('a request whose target was forgotten in between ends without touching what is known of it since', () => {
  const { health, state } = rig();
  const early = health.admit(candidate(health, model));
  for (let count = 0; count < 20_000; count++) health.admit(candidate(health, target(`made-up-${count}`)));
  const later = health.admit(candidate(health, model));
  health.failed(early, failure('server'));
  expect(state()).toMatchObject({ inFlight: 1, consecutiveFailures: 0 });
  health.succeeded(later);
  expect(state().inFlight).toBe(0);
});
