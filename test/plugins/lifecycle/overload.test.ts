import { describe, expect, it } from 'vitest';
import { Overload } from '../../../plugins/lifecycle/overload.ts';

const limits = { unready_above: 500, shed_above: 1_000 };

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
    const off = new Overload({ unready_above: 0, shed_above: 0 });
    run(off, 10_000, 60_000);
    expect(state(off)).toEqual(fine);
    const shedsOnly = new Overload({ unready_above: 0, shed_above: 1_000 });
    run(shedsOnly, 1_500, 60_000);
    expect(state(shedsOnly)).toEqual({ unready: true, shedding: true });
  });
});
