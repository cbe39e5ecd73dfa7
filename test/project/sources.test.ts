import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { files, isCode, text } from './tree.ts';

const code = files().filter(isCode);
const core = [...files('plugins'), ...files('routes')].filter(isCode);

/** `path:line: text` of every line that matches. */
function lines(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    text(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

it('finds the sources', () => {
  expect(code).toContain('deploy/prepare.mjs');
  expect(core.length).toBeGreaterThan(10);
});

it('no file outside the tests is over 300 lines without a comment at its top that says why', () => {
  const long = code.filter((path) => !path.startsWith('test/') && text(path).trimEnd().split('\n').length > 300);
  const reason = /\/\/ Over 300 lines: \S/;
  expect(
    long.filter(
      (path) =>
        !text(path)
          .split('\n')
          .slice(0, 10)
          .some((line) => reason.test(line)),
    ),
  ).toEqual([]);
});

it('no file is named after nothing', () => {
  expect(code.filter((path) => /^(utils?|helpers?|misc|common)\.\w+$/.test(basename(path)))).toEqual([]);
});

it('no provider is named in the core', () => {
  expect(lines(core, /(['"`])(openai|gemini|anthropic|ollama)\1/i)).toEqual([]);
});

it('no test is skipped, focused or left to be written', () => {
  const tests = files('test').filter(isCode);
  expect(lines(tests, /\b(it|test|describe|suite)(\.\w+)*\.(skip|skipIf|runIf|only|todo)\b/)).toEqual([]);
});

it('nothing is marked as unfinished', () => {
  const self = 'test/project/sources.test.ts';
  const paths = code.filter((path) => path !== self);
  expect(lines(paths, /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
});
