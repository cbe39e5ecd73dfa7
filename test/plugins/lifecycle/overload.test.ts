import { describe, expect, it } from 'vitest';
import { Overload } from '../../../plugins/lifecycle/overload.ts';

const limits = { unready_above: 500, shed_above: 1_000, target: 0 };
const aiming = { unready_above: 0, shed_above: 0, target: 50 };

/** Samples of a loop that is this late each time, for `ms` milliseconds. */
function run(overload: Overload, late: number, ms: number): void {
  for (let passed = 0; passed < ms; passed += 50 + late) overload.sample(late, 50 + late);
}

const state = ({ unready, shedding }: Overload) => ({ unready, shedding });
const fine = { unready: false, shedding: false };

describe('the delay of the event loop', () => {
  it('L5: above the lower limit makes the process not ready, above the higher one it refuses calls too', () => {
    const overload = new Overload(limits);
    run(overload, 700, 10_000);
    expect(state(overload)).toEqual({ unready: true, shedding: false });
    run(overload, 1_200, 20_000);
    expect(state(overload)).toEqual({ unready: true, shedding: true });
  });

  it('L5: of one pause of 400 ms changes nothing, nor do such pauses every 5 s', () => {
    const overload = new Overload(limits);
    for (let pause = 0; pause < 20; pause++) {
      overload.sample(400, 450);
      expect(state(overload)).toEqual(fine);
      run(overload, 0, 5_000);
    }
  });

  it('L5: of one stall of 5 s is told right after it, and forgotten within 2.2 s', () => {
    const overload = new Overload(limits);
    overload.sample(5_000, 5_050);
    expect(state(overload)).toEqual({ unready: true, shedding: true });
    run(overload, 0, 1_000);
    expect(state(overload)).toEqual({ unready: true, shedding: true });
    run(overload, 0, 500);
    expect(state(overload)).toEqual({ unready: true, shedding: false });
    run(overload, 0, 700);
    expect(state(overload)).toEqual(fine);
  });

  it('L5: around a limit does not come and go', () => {
    const overload = new Overload(limits);
    let changes = 0;
    for (let at = 0, was = false; at < 1_000; at++) {
      overload.sample(at % 2 === 0 ? 350 : 700, 500);
      if (overload.unready !== was) changes++;
      was = overload.unready;
    }
    expect(changes).toBe(1);
  });

  it('L5: is not looked at where a limit is 0', () => {
    const off = new Overload({ unready_above: 0, shed_above: 0, target: 0 });
    run(off, 10_000, 60_000);
    expect(state(off)).toEqual(fine);
    const shedsOnly = new Overload({ unready_above: 0, shed_above: 1_000, target: 0 });
    run(shedsOnly, 1_500, 60_000);
    expect(state(shedsOnly)).toEqual({ unready: true, shedding: true });
  });
});

/** Of `count` calls, those that were taken. */
function taken(overload: Overload, count = 1_000): number {
  let admitted = 0;
  for (let call = 0; call < count; call++) if (overload.admit()) admitted++;
  return admitted;
}

/** A loop that is late by what comes in beyond what it can do: `load` times its capacity, `rejectCost` of a call for each refusal. */
function loaded(
  overload: Overload,
  load: number,
  rejectCost: number,
  ms: number,
  backlog = 0,
): { backlog: number; served: number } {
  let left = backlog;
  let served = 0;
  for (let passed = 0; passed < ms; passed += 50) {
    const calls = load * overload.admitted;
    const work = calls + load * (1 - overload.admitted) * rejectCost;
    left = Math.max(0, left + (work - 1) * 50);
    // Nothing is dropped once it is taken, and the backlog has a bound: what is taken is served.
    if (passed >= ms / 2) served += calls;
    overload.sample(left, 50);
  }
  return { backlog: left, served: served / (ms / 100) };
}

describe('P2: a loop that is persistently later than the target', () => {
  it.each([2, 3, 5])('takes that part of %d times the calls it can do with which the delay stays around the target', (load) => {
    const overload = new Overload(aiming);
    const { backlog, served } = loaded(overload, load, 0.02, 20_000);
    expect(backlog).toBeLessThan(250);
    expect(served).toBeGreaterThan(0.85);
    expect(taken(overload) / 1_000).toBeCloseTo(overload.admitted, 1);
  });

  it('takes all calls again within 3 s after the load is gone', () => {
    const overload = new Overload(aiming);
    run(overload, 300, 10_000);
    expect(overload.admitted).toBe(0.05);
    expect(taken(overload)).toBe(50);
    run(overload, 0, 3_000);
    expect([overload.admitted, taken(overload)]).toEqual([1, 1_000]);
  });

  it('spreads those it refuses evenly', () => {
    const overload = new Overload(aiming);
    while (overload.admitted > 0.34) overload.sample(70, 120);
    const runs: number[] = [];
    for (let refused = 0, call = 0; call < 300; call++) {
      if (!overload.admit()) refused++;
      else {
        runs.push(refused);
        refused = 0;
      }
    }
    expect(Math.max(...runs.slice(1))).toBeLessThanOrEqual(3);
  });

  it('is not seen in one pause, however long, nor in two of five samples', () => {
    const overload = new Overload(aiming);
    for (const late of [0, 400, 0, 0, 0, 5_000, 0, 0, 0, 300, 300, 0, 0, 0, 0, 300, 0, 300, 0, 0]) {
      overload.sample(late, 50 + late);
      expect(taken(overload, 100)).toBe(100);
    }
  });

  it('is not looked at where the target is 0', () => {
    const overload = new Overload({ ...aiming, target: 0 });
    run(overload, 10_000, 100_000);
    expect(taken(overload)).toBe(1_000);
  });
});
