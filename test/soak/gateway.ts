import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { neverOpen, provider } from '../helper/overlay.ts';
import { freePort } from '../helper/ports.ts';
import { node } from '../helper/process.ts';

const server = join(import.meta.dirname, '../../dist/server.js');
export const gatewayKey = 'sk-postern-soak-0123456789abcdef';
const readyLimitMs = 15_000;
const stopLimitMs = 40_000;
const linesKept = 20;

/** The built gateway as a process of its own. */
export interface Gateway {
  readonly url: string;
  readonly managementUrl: string;
  readonly dataDir: string;
  /** How it ended without being told to; null while it runs. */
  died(): string | null;
  /** Its log lines of level error and fatal: how many, and the first of them. */
  errors(): { readonly count: number; readonly lines: readonly string[] };
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Kills what still runs and removes its files. */
  close(): void;
}

/** `models`: the targets behind each name, in order of preference. Throws when there is no build. */
export async function startGateway(
  upstreamUrl: string,
  models: Readonly<Record<string, readonly { provider: string; model: string }[]>>,
): Promise<Gateway> {
  if (!existsSync(server)) throw new Error(`${server} is missing: run \`npm run build\`.`);
  const scratch = mkdtempSync(join(tmpdir(), 'postern-soak-'));
  const [port, managementPort, nobody] = [await freePort(), await freePort(), await freePort()];
  const file = join(scratch, 'postern.yaml');
  const configuration = {
    providers: { up: provider(upstreamUrl), gone: provider(`http://127.0.0.1:${nobody}/v1`) },
    models: Object.fromEntries(Object.entries(models).map(([name, targets]) => [name, { strategy: 'priority', targets }])),
    keys: { soak: { secret: gatewayKey } },
    // Failures are part of the plan: a breaker would keep most of them from being sent.
    health: { ...neverOpen, max_rest: '0s' },
  };
  writeFileSync(file, JSON.stringify(configuration));
  const dataDir = join(scratch, 'data');
  const env = {
    PATH: process.env.PATH ?? '',
    NODE_ENV: 'production',
    LISTEN: `127.0.0.1:${port}`,
    MANAGEMENT_LISTEN: `127.0.0.1:${managementPort}`,
    DATA_DIR: dataDir,
    CONFIG_FILE: file,
  };
  const child = spawn(node, [server], { cwd: scratch, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = new ErrorLines();
  child.stdout.setEncoding('utf8').on('data', (text: string) => log.push(text));
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told = (told + text).slice(-4_000);
  });
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let stopping = false;
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const gateway: Gateway = {
    url: `http://127.0.0.1:${port}`,
    managementUrl: `http://127.0.0.1:${managementPort}`,
    dataDir,
    died: () => (ended() && !stopping ? `it ended with ${child.exitCode ?? child.signalCode}: ${told}` : null),
    errors: () => log,
    async stop() {
      stopping = true;
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
      await gone;
      clearTimeout(late);
      return child.exitCode;
    },
    close() {
      stopping = true;
      if (!ended()) child.kill('SIGKILL');
      rmSync(scratch, { recursive: true, force: true });
    },
  };
  await untilReady(gateway, () => told);
  // The banner; what comes later says how it died.
  told = '';
  return gateway;
}

async function untilReady(gateway: Gateway, told: () => string): Promise<void> {
  for (const until = performance.now() + readyLimitMs; ; await sleep(20)) {
    const ready = await fetch(`${gateway.managementUrl}/readyz`, { headers: { connection: 'close' } }).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    const died = gateway.died();
    if (died === null && performance.now() < until) continue;
    gateway.close();
    throw new Error(
      died === null ? `The gateway was not ready within ${readyLimitMs / 1000} s: ${told()}` : `The gateway: ${died}`,
    );
  }
}

/** Finds the lines of level error and fatal in a log of any length. */
class ErrorLines {
  count = 0;
  readonly lines: string[] = [];
  #rest = '';

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith('{"level":"error"') && !line.startsWith('{"level":"fatal"')) continue;
      this.count++;
      if (this.lines.length < linesKept) this.lines.push(line.slice(0, 1_000));
    }
  }
}
