import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Watchdog } from '../../../plugins/relay/watchdog.ts';

let expired: string[] = [];
let watchdog: Watchdog;
const now = () => performance.now();
const pass = (ms: number) => vi.advanceTimersByTime(ms);

beforeEach(() => {
  vi.useFakeTimers();
  expired = [];
  watchdog = new Watchdog((what) => expired.push(what));
});
afterEach(() => vi.useRealTimers());

describe('the clocks of an exchange', () => {
  it('run out at their limit, each by its name', () => {
    watchdog.total(1_000, now());
    watchdog.phase('connect', 100, now());
    pass(99);
    expect(expired).toEqual([]);
    pass(2);
    expect(expired).toEqual(['connect']);
    watchdog.content(300, now());
    watchdog.phase('first byte', 600, now());
    pass(301);
    expect(expired).toEqual(['connect', 'first content']);
    pass(300);
    expect(expired).toEqual(['connect', 'first content', 'first byte']);
    pass(400);
    expect(expired.at(-1)).toBe('total');
    expect([expired.length, vi.getTimerCount()]).toEqual([4, 0]);
  });

  it('a phase replaces the one before, later or earlier', () => {
    watchdog.phase('connect', 100, now());
    watchdog.phase('first byte', 500, now());
    pass(400);
    watchdog.phase('idle', 50, now());
    pass(51);
    expect(expired).toEqual(['idle']);
  });

  it('touched, a phase begins anew; paused, it never ends', () => {
    watchdog.phase('idle', 100, now());
    for (let turn = 0; turn < 5; turn++) {
      pass(90);
      watchdog.touch(now());
    }
    watchdog.pause();
    pass(10_000);
    expect([expired, vi.getTimerCount()]).toEqual([[], 0]);
    watchdog.phase('idle', 100, now());
    pass(101);
    expect(expired).toEqual(['idle']);
  });

  it('content that came is not waited for', () => {
    watchdog.content(100, now());
    watchdog.contentSeen();
    pass(1_000);
    expect(expired).toEqual([]);
  });

  it('at rest only the total runs; stopped, none, and no timer is left', () => {
    watchdog.total(1_000, now());
    watchdog.phase('idle', 100, now());
    watchdog.content(100, now());
    watchdog.rest();
    pass(999);
    expect(expired).toEqual([]);
    pass(2);
    expect(expired).toEqual(['total']);
    watchdog.total(1_000, now());
    watchdog.stop();
    expect(vi.getTimerCount()).toBe(0);
    pass(5_000);
    expect(expired).toEqual(['total']);
  });

  it('take one timer together', () => {
    watchdog.total(60_000, now());
    watchdog.phase('connect', 2_000, now());
    watchdog.phase('first byte', 30_000, now());
    watchdog.content(30_000, now());
    expect(vi.getTimerCount()).toBe(1);
    pass(2_001);
    expect([expired, vi.getTimerCount()]).toEqual([[], 1]);
  });

  it('may be stopped by the one that ran out', () => {
    const stopping = new Watchdog(() => stopping.stop());
    stopping.total(100, now());
    stopping.phase('idle', 100, now());
    pass(101);
    expect(vi.getTimerCount()).toBe(0);
  });
});
