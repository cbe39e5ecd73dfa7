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

  describe('the least rate of progress', () => {
    const meter = { progress: 0 };
    const advance = (ms: number, characters: number) => {
      for (let at = 0; at < ms / 10; at++) {
        pass(10);
        meter.progress += characters;
      }
    };
    beforeEach(() => {
      meter.progress = 5_000;
    });

    it('is measured window by window, from where it began', () => {
      watchdog.rate(meter, 100, 1_000, now());
      advance(3_000, 2);
      expect(expired).toEqual([]);
      advance(900, 2);
      pass(1_200);
      expect(expired).toEqual(['minimum rate']);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('runs out after the first window that was too slow, and no earlier', () => {
      watchdog.rate(meter, 100, 1_000, now());
      meter.progress += 99;
      pass(999);
      expect(expired).toEqual([]);
      pass(2);
      expect(expired).toEqual(['minimum rate']);
      pass(10_000);
      expect(expired).toHaveLength(1);
    });

    it('is not asked for while paused, and begins anew afterwards', () => {
      watchdog.rate(meter, 100, 1_000, now());
      pass(900);
      watchdog.pause();
      pass(10_000);
      expect([expired, vi.getTimerCount()]).toEqual([[], 0]);
      watchdog.rate(meter, 100, 1_000, now());
      pass(900);
      meter.progress += 100;
      pass(200);
      expect(expired).toEqual([]);
    });

    it.each([
      [0, 1_000],
      [100, 0],
    ])('of %d in %d ms is none', (perSecond, window) => {
      watchdog.rate(meter, perSecond, window, now());
      expect(vi.getTimerCount()).toBe(0);
    });

    it('shares the one timer with the other clocks, and ends with the attempt', () => {
      watchdog.total(60_000, now());
      watchdog.phase('idle', 5_000, now());
      watchdog.rate(meter, 100, 1_000, now());
      expect(vi.getTimerCount()).toBe(1);
      watchdog.rest();
      pass(2_000);
      expect([expired, vi.getTimerCount()]).toEqual([[], 1]);
    });
  });
});
