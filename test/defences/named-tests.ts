import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutation } from './mutation.ts';

/** How one test of a run ended. */
export interface TestResult {
  /** As in `Mutation.test`. */
  readonly test: string;
  readonly name: string;
  readonly passed: boolean;
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Milliseconds a test may take; a defence that is gone often shows as something that never comes. */
const testLimit = 10_000;
/** Milliseconds a run of the runner may take before it is ended. */
const runLimit = 90_000;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

export const runs = (result: TestResult, { test, name }: Mutation): boolean => result.test === test && result.name.includes(name);

let running: ChildProcess | null = null;

/** Ends the run under way and what it started. */
export function abandon(): void {
  if (running?.pid === undefined) return;
  try {
    process.kill(-running.pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/**
 * Runs the tests that the mutations name, those and no others, in the tree at `root`. Resolves with how each ended; throws when
 * the runner gives no report within its time.
 */
export async function runNamed(root: string, mutations: readonly Mutation[], bail: boolean): Promise<TestResult[]> {
  const report = join(root, 'defences.json');
  rmSync(report, { force: true });
  const files = [...new Set(mutations.map(({ test }) => `test/${test}.test.ts`))];
  const pattern = [...new Set(mutations.map(({ name }) => escaped(name)))].join('|');
  const options = ['--coverage.enabled=false', '--reporter=json', `--outputFile=${report}`, `--testTimeout=${testLimit}`];
  if (bail) options.push('--bail=1');
  const runner = join(root, 'node_modules/vitest/vitest.mjs');
  // In a group of its own, so that its workers can be ended with it.
  const child = spawn(process.execPath, [runner, 'run', ...files, '-t', pattern, ...options], {
    cwd: root,
    stdio: 'ignore',
    detached: true,
  });
  running = child;
  const timer = setTimeout(abandon, runLimit * Math.max(1, files.length / 8));
  await once(child, 'close');
  clearTimeout(timer);
  running = null;
  return read(root, report);
}

function read(root: string, path: string): TestResult[] {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Report;
  } catch (cause) {
    throw new Error('the test runner ended without a report', { cause });
  }
  return report.testResults.flatMap(({ name: file, assertionResults }) => {
    const test = file.slice(join(root, 'test/').length).replace(/\.test\.ts$/, '');
    return assertionResults
      .filter(({ status }) => status === 'passed' || status === 'failed')
      .map(({ fullName, status }) => ({ test, name: fullName, passed: status === 'passed' }));
  });
}
