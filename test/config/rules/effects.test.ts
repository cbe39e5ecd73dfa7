import { expect, test } from 'vitest';
import { providerTypes } from '../../../providers/index.ts';
import { onlyProblem } from '../sources.ts';

const entry = (lines: string) => ({ file: `providers:\n  p: { api_key: abcdefghijklmnop, ${lines} }\n`, types: providerTypes });

test.each([
  ['type: gemini, renames: { a: b }', 'providers.p.renames', 'has no effect'],
  ['type: anthropic, stream_usage: true', 'providers.p.stream_usage', 'has no effect'],
  ['type: anthropic, context_cache: { mode: auto }', 'providers.p.context_cache.mode', 'keeps no prompts'],
  ['type: gemini, operations: [chat, responses]', 'providers.p.operations[1]', 'does not speak this'],
  ['type: anthropic, operations: [embeddings]', 'providers.p.operations[0]', 'does not speak this'],
])('a setting that the type would never use is refused: %s', (lines, path, message) => {
  const problem = onlyProblem(entry(lines));
  expect(problem.path).toBe(path);
  expect(problem.message).toContain(message);
});
