import { existsSync, linkSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { Agent, request } from 'undici';
import { describe, expect, it } from 'vitest';
import { ListenError, openListener } from '../../../plugins/lifecycle/listen.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { freePort } from '../../helper/ports.ts';

function build(): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  whenDone(() => app.close());
  app.get('/', async () => 'hello');
  return app;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-listen-'));
  whenDone(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const open = (setting: string, app = build()) => openListener(app, setting, 'LISTEN');

/** What the failed opening says. */
async function refusal(setting: string): Promise<string> {
  const error = await open(setting).then(
    () => new Error(`${setting} was opened.`),
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(ListenError);
  expect(error.message).toContain(setting);
  expect(error.message).toContain('LISTEN');
  return error.message;
}

async function overSocket(socketPath: string): Promise<string> {
  const dispatcher = new Agent({ connect: { socketPath } });
  whenDone(() => dispatcher.close());
  const reply = await request('http://localhost/', { dispatcher });
  return reply.body.text();
}

describe('a listener', () => {
  it('tells the port it got when asked for any', async () => {
    const url = await open('127.0.0.1:0');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
    expect(await (await fetch(url)).text()).toBe('hello');
  });

  it.each(['0.0.0.0:0', ':0'])('on every address (%s) names one that can be called', async (setting) => {
    const url = await open(setting);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(url)).status).toBe(200);
  });

  it('on IPv6 has brackets in its URL', async () => {
    const url = await open('[::1]:0');
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(url)).status).toBe(200);
  });

  it('on a unix socket is called through it, and leaves no file', async () => {
    const path = join(folder(), 'api.sock');
    const app = build();
    expect(await open(`unix:${path}`, app)).toBe(`unix:${path}`);
    expect(await overSocket(path)).toBe('hello');
    await app.close();
    expect(existsSync(path)).toBe(false);
  });
});

describe('a listener that cannot be opened says why and what to do', () => {
  it('when the port is in use', async () => {
    const url = await open('127.0.0.1:0');
    expect(await refusal(`127.0.0.1:${new URL(url).port}`)).toMatch(/another process listens there.*choose another port/);
  });

  it('when the machine has no such address', async () => {
    expect(await refusal(`203.0.113.1:${await freePort()}`)).toContain('this machine has no such address');
  });

  it('when the host name does not resolve', async () => {
    expect(await refusal('no-such-host.invalid:4000')).toContain('does not resolve');
  });

  it.each(['4000', 'host', '127.0.0.1:99999', 'unix:', '256.1.1.1:80'])('when the setting is no address: %s', async (setting) => {
    await refusal(setting);
  });

  it('when the folder of the socket is not there', async () => {
    await refusal(`unix:${join(folder(), 'no', 'api.sock')}`);
  });
});

describe('a unix socket file that is there already', () => {
  it('is replaced when nobody answers on it', async () => {
    const path = join(folder(), 'api.sock');
    // As a killed process leaves it: the file stays, the listener is gone.
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const kept = `${path}.kept`;
    linkSync(path, kept);
    await new Promise((resolve) => server.close(resolve));
    renameSync(kept, path);
    expect(statSync(path).isSocket()).toBe(true);
    await open(`unix:${path}`);
    expect(await overSocket(path)).toBe('hello');
  });

  it('is left alone when somebody answers on it', async () => {
    const path = join(folder(), 'api.sock');
    await open(`unix:${path}`);
    expect(await refusal(`unix:${path}`)).toContain('another process listens there');
    expect(await overSocket(path)).toBe('hello');
  });

  it('is never removed when it is no socket', async () => {
    const path = join(folder(), 'precious.txt');
    writeFileSync(path, 'content');
    expect(await refusal(`unix:${path}`)).toMatch(/a file that is no socket is there.*choose another path/);
    expect(readFileSync(path, 'utf8')).toBe('content');
  });

  it('is never removed when it is a folder', async () => {
    const path = folder();
    await refusal(`unix:${path}`);
    expect(existsSync(path)).toBe(true);
  });
});
