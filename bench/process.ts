import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProcessUse, processUse } from './cpu.ts';

/** The core the measured process has for itself; everything else goes to the others. */
const subjectCore = 1;
const readyLimitMs = 15_000;
const pollMs = 2;

/** Whether processes are pinned: Linux with `taskset` and a second core. */
export const pinned = process.platform === 'linux' && availableParallelism() > 1 && hasTaskset();
const otherCores = Array.from({ length: availableParallelism() }, (_, core) => core)
  .filter((core) => core !== subjectCore)
  .join(',');

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Takes this process, which makes the load, off the core of the subjects. */
export function leaveSubjectCore(): void {
  if (pinned) execFileSync('taskset', ['-a', '-p', '-c', otherCores, String(process.pid)], { stdio: 'ignore' });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** How to start one process. */
export interface Launch {
  readonly name: string;
  /** Absent: Node. */
  readonly command?: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Answers 200 to `GET /readyz` once the process serves. */
  readonly port: number;
  /** Gets the core of the subjects. */
  readonly measured: boolean;
}

/** A started process. */
export interface Running {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  /** Milliseconds from spawn to the first 200. */
  readonly readyMs: number;
  use(): ProcessUse;
  /** Resolves when the process is gone. */
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();

/** Ends every process of this run at once; for signals and failures. */
export function killAll(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** Standard output goes to the null device, standard error is kept for the message when the start fails. */
export async function start(launch: Launch): Promise<Running> {
  const { name, port, measured } = launch;
  const pin = pinned ? ['taskset', '-c', measured ? String(subjectCore) : otherCores] : [];
  const [command, ...args] = [...pin, launch.command ?? process.execPath, ...launch.args];
  const began = performance.now();
  const env = { PATH: process.env.PATH ?? '', NODE_ENV: 'production', ...launch.env };
  const child = spawn(command!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  children.add(child);
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-4_000);
  });
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => {
      children.delete(child);
      resolve();
    });
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await answers(`${url}/readyz`))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} ended before it was ready:\n${errors}`);
    if (performance.now() - began > readyLimitMs)
      throw new Error(`${name} was not ready within ${readyLimitMs / 1000} s:\n${errors}`);
    await sleep(pollMs);
  }
  const readyMs = performance.now() - began;
  return {
    name,
    pid: child.pid!,
    url,
    readyMs,
    use: () => processUse(child.pid!),
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await gone;
      clearTimeout(late);
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** The scripted provider of every run. */
export async function startUpstream(): Promise<Running> {
  const port = await freePort();
  return start({ name: 'upstream', args: [join(import.meta.dirname, 'upstream.ts'), String(port)], port, measured: false });
}
