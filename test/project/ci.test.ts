import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { root, text } from './tree.ts';

interface Steps {
  /** Vitest's counts, null when it dies before its report. */
  readonly tests: readonly [passed: number, failed: number] | null;
  /** Output of the clients' run. */
  readonly clients: string;
  readonly codes?: Partial<Record<'test' | 'build' | 'bench' | 'test:clients', number>>;
}

/** Runs .ci/run in an empty project with an `npm` that plays the given steps. */
function ci(steps: Steps): { code: number | null; lines: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'postern-ci-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, '.ci'));
  cpSync(join(root, '.ci/run'), join(folder, '.ci/run'));
  const npm = `#!${process.execPath}
const { writeFileSync } = process.getBuiltinModule('node:fs');
const steps = ${JSON.stringify(steps)};
const [first, second] = process.argv.slice(2);
const name = first === 'run' ? second : first;
if (name === 'bench') console.log('measured');
if (process.env.CI !== 'true') process.exit(9);
if (name === 'test' && steps.tests) {
  const file = process.argv.find((argument) => argument.startsWith('--outputFile.json=')).split('=')[1];
  writeFileSync(file, JSON.stringify({ numPassedTests: steps.tests[0], numFailedTests: steps.tests[1] }));
}
if (name === 'test:clients') console.log(steps.clients);
process.exitCode = steps.codes?.[name] ?? 0;
`;
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/npm'), npm);
  chmodSync(join(folder, 'bin/npm'), 0o755);
  const path = [join(folder, 'bin'), join(process.execPath, '..'), process.env.PATH].join(delimiter);
  const { status, stdout } = spawnSync('bash', ['.ci/run'], {
    cwd: folder,
    env: { ...process.env, PATH: path },
    encoding: 'utf8',
  });
  return { code: status, lines: stdout.trimEnd().split('\n') };
}

const total = /^\d+ passed, \d+ failed$/;

describe('.ci/run', () => {
  it('adds up what the runners report and succeeds', () => {
    const { code, lines } = ci({ tests: [12, 0], clients: 'grid\n30 passed, 0 failed' });
    expect({ code, last: lines.at(-1) }).toEqual({ code: 0, last: '42 passed, 0 failed' });
  });

  it('prints one total and lets the rest of the output through', () => {
    const { lines } = ci({ tests: [12, 0], clients: 'grid\n30 passed, 0 failed' });
    expect(lines.filter((line) => total.test(line))).toHaveLength(1);
    expect(lines).toContain('grid');
  });

  it('a failed test fails the run and is counted once', () => {
    const { code, lines } = ci({ tests: [10, 2], clients: '5 passed, 0 failed', codes: { test: 1 } });
    expect({ code, last: lines.at(-1) }).toEqual({ code: 1, last: '15 passed, 2 failed' });
  });

  it('goes on after a failed step, so that one run shows everything', () => {
    const { lines } = ci({ tests: [10, 2], clients: '3 passed, 1 failed', codes: { test: 1, build: 2, 'test:clients': 1 } });
    expect(lines.at(-1)).toBe('13 passed, 4 failed');
  });

  it.each([
    ['lint, types or coverage fail', { tests: [10, 0], clients: '5 passed, 0 failed', codes: { test: 1 } }],
    ['the tests die before their report', { tests: null, clients: '15 passed, 0 failed', codes: { test: 137 } }],
    ['the tests end well without a report', { tests: null, clients: '15 passed, 0 failed' }],
    ['the build fails', { tests: [10, 0], clients: '5 passed, 0 failed', codes: { build: 1 } }],
    ['a call costs too much', { tests: [10, 0], clients: '5 passed, 0 failed', codes: { bench: 1 } }],
    ['the clients crash', { tests: [15, 0], clients: 'Traceback', codes: { 'test:clients': 1 } }],
    ['the clients fail after their report', { tests: [10, 0], clients: '5 passed, 0 failed', codes: { 'test:clients': 1 } }],
    ['the clients report nothing', { tests: [15, 0], clients: '' }],
  ] as [string, Steps][])('fails when %s', (_name, steps) => {
    const { code, lines } = ci(steps);
    expect({ code, last: lines.at(-1) }).toEqual({ code: 1, last: '15 passed, 1 failed' });
  });

  it('measures what a call costs once, and once more when that is too much', () => {
    const measured = (codes: Steps['codes']) =>
      ci({ tests: [1, 0], clients: '1 passed, 0 failed', ...(codes && { codes }) }).lines.filter((line) => line === 'measured');
    expect([measured(undefined).length, measured({ bench: 1 }).length]).toEqual([1, 2]);
  });

  it('fails when nothing ran', () => {
    const { code, lines } = ci({ tests: [0, 0], clients: '0 passed, 0 failed' });
    expect({ code, last: lines.at(-1) }).toEqual({ code: 1, last: '0 passed, 0 failed' });
  });
});

describe('.github/workflows/ci.yml', () => {
  const workflow = text('.github/workflows/ci.yml');

  it('pins every action by its full commit', () => {
    const actions = [...workflow.matchAll(/uses: (\S+)/g)].map(([, action]) => action);
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
  });

  it('may only read, and runs .ci/run', () => {
    expect(workflow).toMatch(/^permissions:\n {2}contents: read$/m);
    expect(workflow).toContain('run: .ci/run');
  });
});
