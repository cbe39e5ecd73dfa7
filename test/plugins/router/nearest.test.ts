import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distance } from '../../../config/nearest.ts';
import { nearest } from '../../../plugins/router/nearest.ts';
import { fastest, timed } from '../upstream/fastest.ts';

const names = ['openly/north-4', 'openly/north-4-mini', 'openly/north-3', 'smart', 'smarter', 'cheap'];

describe('nearest names', () => {
  it('finds the nearest of many, as comparing with each of them would', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '4'), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(word, fc.uniqueArray(word, { maxLength: 40 }), (asked, all) => {
        const limit = Math.max(2, Math.floor(asked.length / 4));
        const best = Math.min(...all.map((each) => distance(asked, each, limit)));
        const begins = all.some((each) => asked.length >= 3 && (each.startsWith(asked) || asked.startsWith(each)));
        const first = nearest(asked, all)[0];
        if (best <= limit && !begins) expect(distance(asked, first!, limit)).toBe(best);
        if (best > limit && !begins) expect(first).toBeUndefined();
      }),
    );
  });

  it.each([
    ['nroth-4', 'openly/north-4'],
    ['NORTH-4', 'openly/north-4'],
    ['openly/norht-4', 'openly/north-4'],
    ['smrat', 'smart'],
    ['cheep', 'cheap'],
  ])('finds %s -> %s by spelling', (asked, name) => {
    expect(nearest(asked, names)[0]).toBe(name);
  });

  it('finds what the name begins, the shortest first', () => {
    expect(nearest('north-4', names).slice(0, 2)).toEqual(['openly/north-4', 'openly/north-4-mini']);
  });

  it('finds the name a longer one begins with', () => {
    expect(nearest('smart-2031-01-01', names)).toContain('smart');
  });

  it('finds nothing for what looks like nothing here', () => {
    expect(nearest('completely-different-thing', names)).toEqual([]);
  });

  it('gives at most three', () => {
    expect(
      nearest(
        'model-x',
        Array.from({ length: 20 }, (_, at) => `model-${at}`),
      ),
    ).toHaveLength(3);
  });

  it('I11: takes a name of a megabyte in milliseconds', { retry: 2 }, async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => `vendor-${at}/some-model-name-of-usual-length-${at}`);
    expect(await fastest(50, () => timed(() => nearest('x'.repeat(1_048_576), many)))).toBeLessThan(50);
  });

  it.each([20, 40, 64, 128])(
    'security 29: the worst name of %i characters costs less than 50 ms against 5000 names',
    { retry: 2 },
    async (length) => {
      // Letters in another order: nothing short of the edit distance itself tells these apart.
      const half = 'mn'.repeat(length / 2 - 3);
      const many = Array.from({ length: 5_000 }, (_, at) => `v/${half}${String(at).padStart(6, '0')}`);
      const asked = `${'nm'.repeat(length / 2 - 3)}012345`;
      expect(await fastest(50, () => timed(() => nearest(asked, many)))).toBeLessThan(50);
    },
  );
});
