import { describe, expect, it } from 'vitest';
import { Page } from './samples.ts';
import { trend } from './trend.ts';
import { type Findings, judge } from './verdict.ts';

const hour = 3600;

/** Samples every 10 s whose resident size is `rss(hours)` megabytes. */
function samples(minutes: number, rss: (hours: number) => number, descriptors: (hours: number) => number = () => 40) {
  return Array.from({ length: minutes * 6 + 1 }, (_, number) => {
    const at = number * 10;
    const rest = { heap: 5e7, external: 1e6, delayP99: 0.001, delayMax: 0.002, cpu: at / 10, inFlight: 5 };
    return { at, rss: rss(at / hour) * 1e6, descriptors: descriptors(at / hour), ...rest };
  });
}

function findings(minutes: number, rss: (hours: number) => number, other: Partial<Findings> = {}): Findings {
  return {
    minutes,
    perSecond: 100,
    samples: samples(minutes, rss),
    idleDescriptors: [30, 30],
    unplanned: new Map(),
    errorLines: { count: 0, lines: [] },
    death: null,
    ledger: { rows: { json: 10, refused: 3, hasty: 2 }, open: 0, twice: 0 },
    upstream: { json: 10, hasty: 1 },
    attempts: 15,
    ...other,
  };
}

/** Goes up by 10 MB and back every five minutes, as collections make it. */
const sawtooth = (hours: number): number => ((hours * 12) % 1) * 10;

describe('the trend', () => {
  it('is the slope of a straight line, known exactly', () => {
    const points = Array.from({ length: 50 }, (_, at) => ({ at, value: 3 + 0.25 * at }));
    expect(trend(points).slope).toBeCloseTo(0.25, 10);
    expect(trend(points).standardError).toBeCloseTo(0, 10);
  });

  it('knows less about samples that depend on their neighbours', () => {
    const swings = (length: number) => Array.from({ length: 600 }, (_, at) => ({ at, value: Math.floor(at / length) % 2 }));
    expect(trend(swings(30)).standardError).toBeGreaterThan(trend(swings(1)).standardError * 4);
  });

  it('is unknown for two points', () => {
    expect(
      trend([
        { at: 0, value: 1 },
        { at: 1, value: 2 },
      ]).slope,
    ).toBeNaN();
  });
});

describe('G26: the verdict of a soak', () => {
  it('finds nothing in memory that goes up and down', () => {
    expect(judge(findings(120, (at) => 200 + sawtooth(at))).faults).toEqual([]);
  });

  it('finds 4 MB/h below a sawtooth of 10 MB in two hours', () => {
    const { faults, rss } = judge(findings(120, (at) => 200 + sawtooth(at) + 4 * at));
    expect(rss.slope).toBeGreaterThan(3);
    expect(faults).toEqual([expect.stringContaining('Memory grows')]);
  });

  it('does not hold growth against a run that is too short to tell, unless it is large', () => {
    expect(judge(findings(10, (at) => 200 + 20 * at))).toMatchObject({ full: false, faults: [] });
    expect(judge(findings(10, (at) => 200 + 400 * at)).faults).toEqual([expect.stringContaining('Memory grows')]);
  });

  it('finds descriptors that stay open', () => {
    expect(judge(findings(5, () => 200, { idleDescriptors: [30, 31] })).faults).toHaveLength(1);
    const growing = samples(
      60,
      () => 200,
      (at) => 40 + 100 * at,
    );
    expect(judge(findings(60, () => 200, { samples: growing })).faults).toEqual([expect.stringContaining('Descriptors grow')]);
  });

  it.each<[string, Partial<Findings>]>([
    ['a call that was not planned', { unplanned: new Map([['json: status 500', 2]]) }],
    ['an error in the log', { errorLines: { count: 1, lines: ['{"level":"error"}'] } }],
    ['an early death', { death: 'it ended with SIGSEGV' }],
    ['an open row', { ledger: { ...findings(5, () => 0).ledger, open: 1 } }],
    ['an attempt that is there twice', { ledger: { ...findings(5, () => 0).ledger, twice: 1 } }],
    ['a call the ledger does not have', { upstream: { json: 11, hasty: 1 } }],
    ['a row the upstream knows nothing of', { upstream: { json: 9, hasty: 1 } }],
    ['a row the metrics did not count', { attempts: 14 }],
  ])('finds %s', (_what, other) => {
    expect(judge(findings(5, () => 200, other)).faults).toHaveLength(1);
  });
});

describe('a page of metrics', () => {
  const page = new Page('# HELP a b\na 2\nab 5\nb{x="1",y="2"} 3\nb{x="2"} 4\n');

  it('is read by name and label', () => {
    expect([page.sum('a'), page.sum('b'), page.sum('b', 'x="1"')]).toEqual([2, 7, 3]);
    expect(page.sum('c')).toBeNaN();
  });
});
