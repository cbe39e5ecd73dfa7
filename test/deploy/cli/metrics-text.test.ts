import { describe, expect, test } from 'vitest';
import { grown, quantile, Scrape } from '../../../deploy/cli/metrics-text.ts';
import { readings } from '../../../deploy/cli/readings.ts';
import { crossed, shownValue, thresholds } from '../../../deploy/cli/thresholds.ts';

const scrape = (text: string, at = 0): Scrape => new Scrape(text, at);

describe('the text of metrics', () => {
  test('comments, labels, escapes, timestamps and infinities', () => {
    const read = scrape(
      '# HELP x y\n# TYPE x counter\nx{a="1",b="q\\"\\\\\\n{}, "} 3 1700000000000\ny 1e3\nz{le="+Inf"} +Inf\nnonsense\n',
    );
    expect(read.of('x')).toEqual([{ name: 'x', labels: { a: '1', b: 'q"\\\n{}, ' }, value: 3 }]);
    expect(read.sum('y')).toBe(1000);
    expect(read.sum('z')).toBe(Number.POSITIVE_INFINITY);
    expect(read.sum('nonsense')).toBeNull();
  });

  test('sums take the series whose labels have the values', () => {
    const read = scrape('c{a="1",b="x"} 1\nc{a="1",b="y"} 2\nc{a="2",b="x"} 4\n');
    expect([read.sum('c'), read.sum('c', { a: '1' }), read.sum('c', { a: '3' })]).toEqual([7, 3, null]);
  });

  test('a counter that began anew has grown by what it counts now', () => {
    expect(grown(scrape('c 10'), scrape('c 14'), 'c')).toBe(4);
    expect(grown(scrape('c 10'), scrape('c 3'), 'c')).toBe(3);
    expect(grown(scrape(''), scrape('c 3'), 'c')).toBe(3);
  });
});

const histogram = (counts: readonly number[]): string =>
  ['0.1', '0.2', '1', '+Inf']
    .map((le, at) => `h_bucket{le="${le}",p="a"} ${counts[at]}\nh_bucket{le="${le}",p="b"} 0`)
    .join('\n');

describe('quantiles', () => {
  const before = scrape(histogram([100, 100, 100, 100]));

  test('are of what came between two scrapes, inside their bucket', () => {
    const after = scrape(histogram([100, 110, 110, 110]));
    expect(quantile(before, after, 'h', 0.5)).toBeCloseTo(0.15);
    expect(quantile(before, after, 'h', 1)).toBeCloseTo(0.2);
  });

  test('above the last bound are that bound, and nothing is nothing', () => {
    expect(quantile(before, scrape(histogram([100, 100, 100, 101])), 'h', 0.5)).toBe(1);
    expect(quantile(before, before, 'h', 0.5)).toBeNull();
  });

  test('of a process that began anew count from its start', () => {
    expect(quantile(before, scrape(histogram([0, 2, 2, 2])), 'h', 0.5)).toBeCloseTo(0.15);
  });
});

describe('thresholds', () => {
  const before = scrape('postern_requests_total{outcome="ok"} 0\n', 0);
  const after = scrape(
    'postern_requests_total{outcome="ok"} 15\npostern_requests_total{outcome="failed"} 5\nprocess_resident_memory_bytes 2147483648\npostern_event_loop_delay_seconds{quantile="0.99"} 0.3\npostern_cost_usd_total 1\n',
    10_000,
  );
  const now = readings(before, after);

  test('rates, shares and levels', () => {
    expect(now).toMatchObject({
      requests_per_second: 2,
      error_rate: 0.25,
      memory: 2_147_483_648,
      loop_delay: 0.3,
      cost_per_hour: 360,
    });
    expect(now.p99).toBeNull();
  });

  test('are crossed from above and below, in their units', () => {
    expect(crossed(now, thresholds('error_rate>5%, memory>1GiB,loop_delay>200ms,requests_per_second<3'))).toEqual([
      'error_rate>5%: it is 25.0 %',
      'memory>1GiB: it is 2GiB',
      'loop_delay>200ms: it is 300 ms',
      'requests_per_second<3: it is 2',
    ]);
    expect(crossed(now, thresholds('error_rate>25%,memory>2GiB,p99>1ms,requests_per_second<2'))).toEqual([]);
  });

  test.each([
    ['latency>1s', /knows no latency/],
    ['eror_rate>1', /did you mean error_rate/],
    ['p99>fast', /fast is no number/],
    ['p99', /MEASURE>AMOUNT/],
  ])('%s is refused', (written, message) => {
    expect(() => thresholds(written)).toThrow(message);
  });

  test('are shown with units', () => {
    expect(shownValue('p99', 0.0034)).toBe('3.40 ms');
    expect(shownValue('p99', 2)).toBe('2.00 s');
    expect(shownValue('p99', null)).toBe('-');
  });
});
