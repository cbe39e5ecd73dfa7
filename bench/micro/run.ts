import { anthropicCases } from './anthropic.ts';
import { authCases } from './auth.ts';
import { bodyCases } from './body.ts';
import { decisionCases } from './decisions.ts';
import { geminiCases } from './gemini.ts';
import { time } from './harness.ts';
import { jsonCases } from './json.ts';
import { ledgerCases } from './ledger.ts';
import { limitCases } from './limits.ts';
import { routerCases } from './router.ts';
import { streamCases } from './stream.ts';
import { tokenCases } from './tokens.ts';

/** Times every part of the hot path alone and prints a line for each. `directory` is for files that are made on the way. */
export function runMicro(directory: string, print: (line: string) => void): void {
  const cases = [
    ...jsonCases,
    ...bodyCases,
    ...streamCases,
    ...routerCases,
    ...decisionCases,
    ...authCases,
    ...limitCases,
    ...geminiCases,
    ...anthropicCases,
    ...tokenCases,
    ...ledgerCases(directory),
  ];
  const width = Math.max(...cases.map(({ name }) => name.length));
  print(`| ${'operation (µs)'.padEnd(width)} |      best |    median |`);
  print(`| ${'-'.repeat(width)} | --------: | --------: |`);
  for (const each of cases) {
    const { name, bestUs, medianUs } = time(each);
    print(`| ${name.padEnd(width)} | ${bestUs.toFixed(3).padStart(9)} | ${medianUs.toFixed(3).padStart(9)} |`);
    each.close?.();
  }
}
