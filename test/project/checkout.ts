import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

const prepareScript = join(import.meta.dirname, '../../deploy/prepare.mjs');

/** Stands for npm: notes its arguments, fails when told to, else "installs" this Node and the compiler below. */
const npm = `
import { appendFileSync, chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
if (existsSync('npm-fails-at-once')) process.exit(1);
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules/.bin', { recursive: true });
if (existsSync('npm-sleeps')) { writeFileSync('npm-pid', String(process.pid)); await sleep(Number(readFileSync('npm-sleeps', 'utf8'))); }
if (existsSync('npm-fails')) { console.error(readFileSync('npm-fails', 'utf8')); process.exit(1); }
cpSync('tsc.mjs', 'node_modules/.bin/tsc');
chmodSync('node_modules/.bin/tsc', 0o755);
if (existsSync('pinned-node')) { cpSync('pinned-node', 'node_modules/.bin/node'); chmodSync('node_modules/.bin/node', 0o755); }
else symlinkSync(process.execPath, 'node_modules/.bin/node');
`;

/** Stands for tsc: copies a.ts to OUT/a.js, refuses sources that contain "broken". */
const tsc = `#!${process.execPath}
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
appendFileSync('tsc.log', 'built\\n');
const out = process.argv[process.argv.indexOf('--outDir') + 1];
mkdirSync(out, { recursive: true });
for (const name of readdirSync('config')) {
  const text = readFileSync('config/' + name, 'utf8');
  if (text.includes('broken')) { console.log('config/' + name + '(1,1): error TS1005'); process.exit(2); }
  writeFileSync(out + '/' + name.replace('.ts', '.js'), text);
}
`;

/** A small checkout with stand-ins for npm and tsc, removed after the test. */
export class Checkout {
  readonly root = mkdtempSync(join(tmpdir(), 'postern-prepare-'));

  constructor() {
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true }));
    this.write('package.json', JSON.stringify({ type: 'module', engines: { node: '^24.18.1 || >=26.5.1' } }));
    this.write('package-lock.json', '{ "lockfileVersion": 3 }');
    this.write('tsconfig.json', '{}');
    this.write('tsconfig.build.json', '{ "include": ["config"] }');
    this.write('config/a.ts', 'export const a = 1;');
    this.write('tsc.mjs', tsc);
    this.write('npm-cli.js', npm);
    mkdirSync(this.path('deploy'));
    cpSync(prepareScript, this.path('deploy/prepare.mjs'));
  }

  path(name: string): string {
    return join(this.root, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  /** An executable shell script. */
  script(name: string, body: string): void {
    this.write(name, `#!/bin/sh\n${body}\n`);
    chmodSync(this.path(name), 0o755);
  }

  link(name: string, target: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    symlinkSync(target, this.path(name));
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true, force: true });
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** Lines of a file, none when it is missing. */
  lines(name: string): string[] {
    return this.has(name) ? readFileSync(this.path(name), 'utf8').trim().split('\n') : [];
  }

  /** Starts prepare; `ended` resolves with its exit code and everything it printed. */
  start(
    mode: string,
    env: NodeJS.ProcessEnv = {},
  ): { process: ChildProcess; ended: Promise<{ code: number | null; output: string }> } {
    const child = spawn(process.execPath, [this.path('deploy/prepare.mjs'), mode], {
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, npm_execpath: this.path('npm-cli.js'), npm_node_execpath: process.execPath, ...env },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
      child.on('close', (code) => resolve({ code, output })),
    );
    return { process: child, ended };
  }

  async run(mode: string, env?: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> {
    return await this.start(mode, env).ended;
  }
}
