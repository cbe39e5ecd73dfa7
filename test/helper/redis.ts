import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { opened } from './cleanup.ts';
import { freePort } from './ports.ts';
import { redisBinary } from './redis-binary.ts';

export interface RedisOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** More arguments of the server, such as ['--requirepass', 'x']. */
  readonly args?: readonly string[];
  /** A cluster of this one server, which has all slots. */
  readonly cluster?: boolean;
}

/** A server of the test's own, without persistence. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** One command over a connection beside those that are tested. */
  command(name: string, ...args: (string | number)[]): Promise<unknown>;
  /** SIGSTOP: connections stay, nothing is answered. */
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when it is gone. Nothing is kept. */
  kill(): Promise<void>;
  /** Again on the same port, empty. */
  start(): Promise<void>;
  close(): Promise<void>;
}

async function ready(port: number, password: string | undefined, child: ChildProcess): Promise<boolean> {
  for (let waited = 0; waited < 5000; waited += 20) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    const client = new Redis({ port, lazyConnect: true, retryStrategy: null, ...(password === undefined ? {} : { password }) });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.ping();
      return true;
    } catch {
      await sleep(20);
    } finally {
      client.disconnect();
    }
  }
  return false;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a private server on a free port of 127.0.0.1; it ends with the test, or with the file when started outside of one. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = redisBinary();
  const directory = mkdtempSync(join(tmpdir(), 'postern-redis-'));
  const args = options.args ?? [];
  const passwordAt = args.indexOf('--requirepass');
  const password = passwordAt === -1 ? undefined : args[passwordAt + 1];
  let child: ChildProcess | undefined;
  let port = 0;

  const launch = async (): Promise<boolean> => {
    const base = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory];
    const cluster = options.cluster
      ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--cluster-node-timeout', '500']
      : [];
    child = spawn(binary, [...base, ...cluster, ...args], { stdio: 'ignore' });
    child.on('error', () => {});
    running.add(child);
    return ready(port, password, child);
  };
  const kill = async (): Promise<void> => {
    const each = child;
    if (each === undefined) return;
    each.kill('SIGKILL');
    if (each.exitCode === null && each.signalCode === null) await once(each, 'exit');
    running.delete(each);
  };
  let side: Redis | undefined;
  const command = (name: string, ...rest: (string | number)[]): Promise<unknown> => {
    if (side === undefined) {
      side = new Redis({ port, ...(password === undefined ? {} : { password }) });
      side.on('error', () => {});
    }
    return side.call(name, ...rest);
  };

  for (let tries = 0; ; tries++) {
    port = options.port ?? (await freePort());
    if (await launch()) break;
    await kill();
    if (tries === 2) throw new Error(`${binary} does not start on port ${port} with ${args.join(' ')}.`);
  }
  if (options.cluster) {
    await command('cluster', 'addslotsrange', 0, 16383);
    while (!String(await command('cluster', 'info')).includes('cluster_state:ok')) await sleep(20);
  }
  return opened({
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    port,
    command,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill,
    async start() {
      if (!(await launch())) throw new Error(`Redis does not start again on port ${port}.`);
    },
    async close() {
      side?.disconnect();
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  });
}

/** URL of some Redis that is neither stopped nor emptied: `REDIS_URL` where it is set, else a private server. Keys need a prefix of the test's own. */
export async function anyRedis(): Promise<string> {
  const given = process.env.REDIS_URL;
  return given !== undefined && given !== '' ? given : (await startRedis()).url;
}

/** A prefix that no other test uses. */
export const randomPrefix = (): string => `t${randomBytes(6).toString('hex')}`;
