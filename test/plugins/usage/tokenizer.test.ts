import * as publishedOlder from 'gpt-tokenizer/encoding/cl100k_base';
import * as published from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer, tokenizerOf } from '../../../plugins/usage/tokenizer.ts';
import { seeded } from '../../helper/cuts.ts';

const scripts = [
  'The quick brown fox',
  ' jumps_over(the.lazy)',
  '  \n\t\r\n',
  '12345 67',
  '机器学习',
  'これは',
  '안녕하세요',
  ' привет',
  'déjà',
  '😀👨‍👩‍👧',
  '{"a":[1,null]}',
  "don't I'LL",
  '\u{20000}\u{10ffff}',
  '\u0000\u007f',
  '<|endoftext|>',
];

describe.each([
  ['o200k_base', published],
  ['cl100k_base', publishedOlder],
] as const)('%s', (encoding, library) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await loadTokenizer(encoding);
  });

  it('counts what the published encoder counts, for texts of any script', () => {
    const random = seeded(11);
    for (let round = 0; round < 600; round++) {
      let text = '';
      for (let part = 0; part < 5; part++) {
        const script = scripts[Math.floor(random() * scripts.length)]!;
        text += script.slice(Math.floor(random() * script.length));
      }
      const wellFormed = text.toWellFormed();
      const expected = library.countTokens(wellFormed, { disallowedSpecial: new Set() });
      expect([wellFormed, tokenizer.count(wellFormed)]).toEqual([wellFormed, expected]);
    }
  });

  it('counts runs longer than it merges at once, about right and never short', () => {
    for (const run of ['a'.repeat(1000), ' '.repeat(1000), '机器学习'.repeat(200), '😀'.repeat(300), 'Ab1'.repeat(300)]) {
      const expected = library.countTokens(run);
      expect(tokenizer.count(run)).toBeGreaterThanOrEqual(expected);
      expect(tokenizer.count(run)).toBeLessThanOrEqual(expected * 1.2 + 16);
    }
  });

  it('takes lone surrogates and nothing', () => {
    expect(tokenizer.count('')).toBe(0);
    expect(tokenizer.count('\ud800'.repeat(200))).toBeGreaterThan(0);
    expect(tokenizer.count(`${'a'.repeat(59)}\ud83d`)).toBeGreaterThan(0);
  });

  it('takes time in proportion to the length of a run, not to its square', () => {
    for (const letter of ['a', ' ', '😀', '学']) {
      const short = letter.repeat(500);
      const time = (text: string, times: number) => {
        const before = process.threadCpuUsage();
        for (let at = 0; at < times; at++) tokenizer.count(text);
        const { user, system } = process.threadCpuUsage(before);
        return (user + system) / 1000;
      };
      time(short, 40);
      // The same letters in one run; its square would take 80 times as long.
      expect(time(letter.repeat(40_000), 1)).toBeLessThan(time(short, 80) * 8 + 40);
    }
  });
});

describe('a vocabulary', () => {
  it('is loaded once, and found without waiting from then on', async () => {
    expect(await loadTokenizer('o200k_base')).toBe(await loadTokenizer('o200k_base'));
    expect(tokenizerOf('o200k_base')).toBe(await loadTokenizer('o200k_base'));
  });
});
