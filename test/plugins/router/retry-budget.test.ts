import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../../plugins/router/retry-budget.ts';
import { manualClock } from './targets.ts';

const options = { ratio: 0.2, min_per_second: 1, window: 10_000 };

function rig(changes: Partial<typeof options> = {}) {
  const clock = manualClock();
  const budget = new RetryBudget({ ...options, ...changes }, clock.now);
  const requests = (count: number) => {
    for (let at = 0; at < count; at++) budget.request();
  };
  /** How many retries are given out before the first refusal. */
  const drain = () => {
    let given = 0;
    while (budget.take()) given++;
    return given;
  };
  return { clock, budget, requests, drain };
}

describe('the retry budget', () => {
  it('gives the floor without any request', () => {
    expect(rig().drain()).toBe(10);
  });

  it('adds a share of the requests to the floor', () => {
    const { requests, drain } = rig();
    requests(100);
    expect(drain()).toBe(30);
  });

  it('is empty at ratio 0 and floor 0', () => {
    const { requests, drain } = rig({ ratio: 0, min_per_second: 0 });
    requests(1_000);
    expect(drain()).toBe(0);
  });

  it('gives no part of a retry', () => {
    const { requests, drain } = rig({ min_per_second: 0 });
    requests(9);
    expect(drain()).toBe(1);
  });

  it('is not refilled within the window', () => {
    const { clock, drain } = rig();
    drain();
    clock.pass(9_999);
    expect(drain()).toBe(0);
  });

  it('is full again after a window and a slice without retries', () => {
    const { clock, drain } = rig();
    drain();
    clock.pass(11_000);
    expect(drain()).toBe(10);
  });

  it('forgets requests that are older than the window', () => {
    const { clock, requests, drain } = rig();
    requests(100);
    clock.pass(10_000);
    expect(drain()).toBe(10);
  });

  it('is the same after a silence of days', () => {
    const { clock, requests, drain } = rig();
    requests(50);
    drain();
    clock.pass(5 * 86_400_000);
    requests(50);
    expect(drain()).toBe(20);
  });

  it('G12: never gives more than the floor and the share of the requests in any window that ends with one', () => {
    const step = fc.record({
      ms: fc.integer({ min: 0, max: 2_500 }),
      requests: fc.integer({ min: 0, max: 30 }),
      wants: fc.integer({ min: 0, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const { clock, budget } = rig();
        const log: { at: number; kind: 'request' | 'retry' }[] = [];
        for (const { ms, requests, wants } of steps) {
          clock.pass(ms);
          const at = clock.now();
          for (let count = 0; count < requests; count++) {
            budget.request();
            log.push({ at, kind: 'request' });
          }
          let given = 0;
          while (given < wants && budget.take()) given++;
          for (let count = 0; count < given; count++) log.push({ at, kind: 'retry' });
          if (given === 0) continue;
          const within = log.filter((each) => each.at > at - 10_000);
          const retries = within.filter((each) => each.kind === 'retry').length;
          expect(retries).toBeLessThanOrEqual(10 + 0.2 * (within.length - retries));
        }
      }),
    );
  });

  it('G12: in a total outage of five minutes attempts stay at 1.2 per request and the floor', () => {
    const { clock, budget } = rig();
    let requests = 0;
    let retries = 0;
    for (let tick = 0; tick < 3_000; tick++) {
      clock.pass(100);
      for (let count = 0; count < 5; count++) {
        budget.request();
        requests++;
        if (budget.take()) retries++;
        if (budget.take()) retries++;
      }
    }
    expect(retries).toBeLessThanOrEqual(0.2 * requests + 300 + 10);
    expect(retries).toBeGreaterThan(0.2 * requests);
  });
});
