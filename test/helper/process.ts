import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';

const root = join(import.meta.dirname, '../..');

export interface ProcessOptions {
  /** Text of the configuration file. */
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a fresh directory, removed by `close`. */
  readonly dataDir?: string;
  /** Wait for readiness; false for a start that has to fail. */
  readonly ready?: boolean;
}

export interface GatewayProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly managementUrl: string;
  readonly dataDir: string;
  readonly startedMs: number;
  stdout(): string;
  stderr(): string;
  /** Resolves when the process is gone. `at` is `performance.now()`. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null; at: number }>;
  signal(signal: NodeJS.Signals): void;
  /** Kills what still runs and removes the directory made for it. */
  close(): Promise<void>;
}

/** The pinned Node of this checkout. */
export const node = join(root, 'node_modules/.bin/node');

/** The build when it is newer than every source, else the source itself, which Node runs by stripping the types. */
export function entryPoint(): string {
  const built = join(root, 'dist/server.js');
  if (!existsSync(built)) return join(root, 'server.ts');
  const sources = ['plugins', 'providers', 'routes', 'schemas', 'config'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  );
  const newest = Math.max(...[...sources, join(root, 'app.ts'), join(root, 'server.ts')].map((file) => statSync(file).mtimeMs));
  return statSync(built).mtimeMs >= newest ? built : join(root, 'server.ts');
}

/** The gateway as a process of its own, with a nearly empty environment. */
export async function startProcess(options: ProcessOptions = {}): Promise<GatewayProcess> {
  const scratch = mkdtempSync(join(tmpdir(), 'postern-process-'));
  const dataDir = options.dataDir ?? join(scratch, 'data');
  const [port, managementPort] = [await freePort(), await freePort()];
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    NODE_ENV: 'test',
    LISTEN: `127.0.0.1:${port}`,
    MANAGEMENT_LISTEN: `127.0.0.1:${managementPort}`,
    DATA_DIR: dataDir,
    LOG_LEVEL: 'info',
    ...options.env,
  };
  if (options.file !== undefined) {
    env.CONFIG_FILE = join(scratch, 'postern.yaml');
    writeFileSync(env.CONFIG_FILE, options.file);
  }
  const began = performance.now();
  const child = spawn(node, [entryPoint()], { cwd: scratch, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null; at: number }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, at: performance.now() }));
  });
  const managementUrl = `http://127.0.0.1:${managementPort}`;
  const started: GatewayProcess = {
    child,
    url: `http://127.0.0.1:${port}`,
    managementUrl,
    dataDir,
    startedMs: options.ready === false ? 0 : await untilReady(managementUrl, child, () => `${stdout}${stderr}`, began),
    stdout: () => stdout,
    stderr: () => stderr,
    exited,
    signal: (signal) => void child.kill(signal),
    async close() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
      rmSync(scratch, { recursive: true, force: true });
    },
  };
  return started;
}

async function untilReady(url: string, child: ChildProcess, output: () => string, began: number): Promise<number> {
  while (performance.now() - began < 30_000) {
    if (child.exitCode !== null) throw new Error(`The gateway ended with ${child.exitCode}:\n${output()}`);
    // A kept connection would be one of the gateway's own sockets for the 72 s it keeps them.
    const status = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => 0,
    );
    if (status === 200) return performance.now() - began;
    await sleep(20);
  }
  child.kill('SIGKILL');
  throw new Error(`The gateway was not ready within 30 s:\n${output()}`);
}
