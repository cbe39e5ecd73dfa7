import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { model } from './messages.ts';
import { freePort, type Launch } from './process.ts';

/** One thing measured, in the order of the table; the first is the baseline. */
export interface Subject {
  readonly id: string;
  readonly title: string;
  /** Headers its callers send. */
  readonly headers: Readonly<Record<string, string>>;
  /** A fresh launch: own port, own data directory. */
  launch(upstreamOrigin: string): Promise<Launch>;
}

export interface SubjectOptions {
  /** The built gateway (`dist/`). */
  readonly dist: string;
  /** For configuration files and ledgers. */
  readonly scratch: string;
  /** Node's CPU profiler writes here when the process ends; null = off. */
  readonly profile: string | null;
}

const root = join(import.meta.dirname, '..');
const gatewayKey = 'sk-postern-bench-0123456789abcdef';
/** Inside the project, so that the compiled forwarders find its packages. */
const compiled = join(root, 'node_modules/.cache/postern-bench');

/** Throws when the gateway is not built. */
export function subjects(options: SubjectOptions): readonly Subject[] {
  const server = join(options.dist, 'server.js');
  if (!existsSync(server)) throw new Error(`${server} is missing: run \`npm run build\`, or name a build with --dist DIR.`);
  return [
    forwarder('forwarder', 'node:http + undici dispatch', options),
    forwarder('fastify-forwarder', 'Fastify, parse and serialise', options),
    ...nginx(options),
    gateway('gateway', 'Postern: key, ledger, metrics, log', server, true, options),
    gateway('gateway-bare', 'Postern: ledger, metrics', server, false, options),
  ];
}

/** The forwarders run as plain JavaScript like the gateway: stripping types at the start costs time and memory. */
function forwarder(id: string, title: string, options: SubjectOptions): Subject {
  const file = join(compiled, `${id}.mjs`);
  mkdirSync(compiled, { recursive: true });
  writeFileSync(file, stripTypeScriptTypes(readFileSync(join(import.meta.dirname, `${id}.ts`), 'utf8')));
  return {
    id,
    title,
    headers: {},
    async launch(upstreamOrigin) {
      const port = await freePort();
      return { name: id, port, measured: true, args: [...profiler(options, id), file, String(port), upstreamOrigin] };
    },
  };
}

const nginxCommands = ['nginx', '/usr/sbin/nginx'];

/** nginx as a reverse proxy with one worker in one process, nothing logged; not in the list where it is not installed. */
function nginx({ scratch }: SubjectOptions): readonly Subject[] {
  const command = nginxCommands.find((each) => spawnSync(each, ['-v'], { stdio: 'ignore' }).status === 0);
  if (command === undefined) return [];
  const subject: Subject = {
    id: 'nginx',
    title: 'nginx, proxy_pass',
    headers: {},
    async launch(upstreamOrigin) {
      const port = await freePort();
      const directory = join(scratch, `nginx-${port}`);
      mkdirSync(directory, { recursive: true });
      const file = join(directory, 'nginx.conf');
      writeFileSync(file, nginxConfiguration(directory, port, upstreamOrigin.replace('http://', '')));
      return { name: 'nginx', command, port, measured: true, args: ['-p', directory, '-e', 'stderr', '-c', file] };
    },
  };
  return [subject];
}

function nginxConfiguration(directory: string, port: number, upstream: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory};`)
    .join(' ');
  return `daemon off; master_process off; worker_processes 1; pid ${directory}/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; ${temporary} keepalive_requests 1000000;
  upstream bench { server ${upstream}; keepalive 512; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location = /readyz { return 200; }
    location / { proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header connection ""; proxy_buffering off; }
  }
}
`;
}

function gateway(id: string, title: string, server: string, everything: boolean, options: SubjectOptions): Subject {
  return {
    id,
    title,
    headers: everything ? { authorization: `Bearer ${gatewayKey}` } : {},
    async launch(upstreamOrigin) {
      const port = await freePort();
      const directory = join(options.scratch, `${id}-${port}`);
      mkdirSync(directory, { recursive: true });
      const file = join(directory, 'postern.yaml');
      writeFileSync(file, JSON.stringify(configuration(upstreamOrigin, everything)));
      const env = {
        CONFIG_FILE: file,
        DATA_DIR: join(directory, 'data'),
        LISTEN: `127.0.0.1:${port}`,
        MANAGEMENT_LISTEN: `127.0.0.1:${await freePort()}`,
        // As `npm start` and the image have it.
        NODE_COMPILE_CACHE: join(compiled, 'compile-cache'),
      };
      return { name: id, port, measured: true, args: [...profiler(options, id), server], env };
    },
  };
}

/** JSON is YAML. The price makes every settlement do its sums. */
function configuration(upstreamOrigin: string, everything: boolean): object {
  return {
    providers: {
      bench: {
        type: 'openai-compatible',
        base_url: `${upstreamOrigin}/v1`,
        api_key: 'sk-upstream-0000000000000000',
        catalogue: false,
      },
    },
    models: { [model]: { targets: [{ provider: 'bench', model }] } },
    prices: { [`bench/${model}`]: { input: 0.75, cached: 0.075, output: 4.5 } },
    logging: { access: everything },
    ...(everything ? { auth: { mode: 'gateway' }, keys: { bench: { secret: gatewayKey } } } : { auth: { mode: 'none' } }),
  };
}

function profiler({ profile }: SubjectOptions, id: string): string[] {
  return profile === null
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${id}-${process.hrtime.bigint()}.cpuprofile`];
}
