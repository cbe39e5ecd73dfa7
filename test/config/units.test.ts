import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, formatSize, MAX_DURATION, parseDuration, parseSize } from '../../config/units.ts';

test.each([
  ['500ms', 500],
  ['2s', 2_000],
  ['1.5s', 1_500],
  ['1.1s', 1_100],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
  ['0s', 0],
  ['0', 0],
])('the duration %s is %i milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  ['512B', 512],
  ['1KB', 1_000],
  ['16KiB', 16_384],
  ['1.5MiB', 1_572_864],
  ['2MB', 2_000_000],
  ['1GB', 1_000_000_000],
  ['1GiB', 1_073_741_824],
  ['0', 0],
])('the size %s is %i bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(['30', '1.5', '007'])('the number %s without a unit is neither a duration nor a size', (text) => {
  expect([parseDuration(text), parseSize(text)]).toEqual(['missing', 'missing']);
});

test.each(['', 's', '-1s', '1 s', '1S', '1sec', '1e3s', '.5s', '5.s', '0x10s', 'constructor', '1constructor', '1s\n'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBe('unknown');
  },
);

test('a fraction of a millisecond or a byte is refused instead of rounded', () => {
  expect([parseDuration('0.5ms'), parseSize('0.5B'), parseSize('1.0001KB')]).toEqual(['fraction', 'fraction', 'fraction']);
});

test('a duration that overflows the 32-bit timers of Node is refused', () => {
  expect(parseDuration(`${MAX_DURATION}ms`)).toBe(MAX_DURATION);
  expect(parseDuration(`${MAX_DURATION + 1}ms`)).toBe('range');
  expect(parseDuration('25d')).toBe('range');
});

test('every duration reads back as it was written out', () => {
  fc.assert(fc.property(fc.nat(MAX_DURATION), (value) => parseDuration(formatDuration(value)) === value));
});

test('every size reads back as it was written out', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => parseSize(formatSize(value)) === value));
});

test('a decimal is exact: n/1000 seconds are n milliseconds', () => {
  fc.assert(
    fc.property(fc.nat(10_000_000), (value) => {
      const text = `${Math.floor(value / 1000)}.${String(value % 1000).padStart(3, '0')}s`;
      return parseDuration(text) === value;
    }),
  );
});
