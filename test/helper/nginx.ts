import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';

const candidates = ['nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'];
const packageName = 'nginx-light';

const runs = (command: string): boolean => spawnSync(command, ['-v'], { stdio: 'ignore' }).status === 0;
const found = (): string | undefined => candidates.find(runs);

function inContainer(): boolean {
  try {
    return /docker|containerd|kubepods|libpod|lxc/.test(
      readFileSync('/proc/1/cgroup', 'utf8') + readFileSync('/proc/1/mountinfo'),
    );
  } catch {
    return false;
  }
}

/** nginx from the PATH, else Debian's where this may install it; throws with the line that installs it. */
export function nginxCommand(): string {
  const there = found();
  if (there !== undefined) return there;
  const line = `apt-get update && apt-get install -y ${packageName}`;
  if (process.getuid?.() === 0 && (process.env.CI !== undefined || inContainer())) {
    // Its package starts a server on port 80 unless it is told not to.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    spawnSync('sh', ['-c', line], { stdio: ['ignore', 'ignore', 'inherit'], env });
  }
  const installed = found();
  if (installed === undefined) throw new Error(`This test needs nginx. As root: ${line}`);
  return installed;
}

export interface Nginx {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** One line per call: status, the upstreams that were asked and what each said. */
  accessLog(): string;
  errorLog(): string;
  close(): Promise<void>;
}

/**
 * A real nginx with these `upstream` and `server` blocks. `conf` makes them for a port of 127.0.0.1 that is free.
 */
export async function startNginx(conf: (port: number) => string): Promise<Nginx> {
  const command = nginxCommand();
  const folder = mkdtempSync(join(tmpdir(), 'postern-nginx-'));
  mkdirSync(join(folder, 'temp'));
  const port = await freePort();
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/temp;`)
    .join('\n  ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log info;
worker_processes 2;
events { worker_connections 4096; }
http {
  ${temp}
  log_format upstreams '$status "$request" asked=$upstream_addr said=$upstream_status sent=$bytes_sent took=$request_time';
  access_log ${folder}/access.log upstreams;
  ${conf(port)}
}
`,
  );
  const child = spawn(command, ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const gone = once(child, 'close');
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  for (const until = performance.now() + 20_000; ; await sleep(20)) {
    if (child.exitCode !== null || performance.now() > until) {
      await close();
      throw new Error(`nginx does not serve: ${said}`);
    }
    if (await answers(port)) break;
  }
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  return {
    url: `http://127.0.0.1:${port}`,
    accessLog: () => read('access.log'),
    errorLog: () => read('error.log'),
    close,
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
