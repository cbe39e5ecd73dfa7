import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BodyKind, hostileBodies, largeBodies } from '../helper/body-kinds.ts';
import { chatBody } from '../helper/chat.ts';
import { neverOpen } from '../helper/overlay.ts';
import { type GatewayProcess, startProcess } from '../helper/process.ts';
import { fastest } from '../plugins/upstream/fastest.ts';

// G17: what one body within `server.body_limit` holds the event loop of a real process for, from its first byte to the answer:
// reading, checking, translating, sending on.

/** The bound of G17, milliseconds. */
const bound = 50;

let upstream: Server;
let gateway: GatewayProcess;
const table: string[] = [];

beforeAll(async () => {
  upstream = createServer(async (request, response) => {
    const received: Buffer[] = [];
    for await (const chunk of request) received.push(chunk as Buffer);
    const wanted = request.url?.endsWith('/embeddings') === true;
    const body = wanted ? vectorsFor(Buffer.concat(received)) : chatBody('ok');
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const file = JSON.stringify({
    providers: {
      up: {
        type: 'openai-compatible',
        base_url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`,
        api_key: 'sk-upstream-0123456789abcdef',
        catalogue: false,
        operations: ['chat', 'embeddings'],
      },
    },
    models: { m: { targets: [{ provider: 'up', model: 'up-1' }] } },
    health: neverOpen,
  });
  const probe = join(import.meta.dirname, '../helper/loop-probe.ts');
  gateway = await startProcess({ file, env: { LOG_LEVEL: 'error', NODE_OPTIONS: `--import ${probe}` } });
  const [warm] = largeBodies;
  for (let run = 0; run < 3; run++) expect(await send(warm!.path, warm!.bytes())).toBe(200);
});

afterAll(async () => {
  console.log(['held ms  slowest GET ms  MiB  status  body', ...table].join('\n'));
  await gateway.close();
  upstream.close();
  upstream.closeAllConnections();
});

/** One vector for every text, or list of tokens. */
function vectorsFor(bytes: Buffer): object {
  const { input } = JSON.parse(bytes.toString()) as { input: unknown[] };
  const count = typeof input[0] === 'number' ? 1 : input.length;
  const data = Array.from({ length: count }, (_, index) => ({ object: 'embedding', index, embedding: [0.5] }));
  return { object: 'list', model: 'up-1', data, usage: { prompt_tokens: 1, total_tokens: 1 } };
}

/** Sends it over a connection of its own; resolves with the status, 0 when a refusal was lost with the connection. */
function send(path: string, bytes: Buffer): Promise<number> {
  const { hostname, port } = new URL(gateway.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      const status = /^HTTP\/1\.1 (\d{3}) [\s\S]*\r\n\r\n/.exec(text);
      if (status === null) return;
      socket.destroy();
      resolve(Number(status[1]));
    });
    // A refusal may come, and the connection go, while most of it is still to be sent.
    socket.on('error', () => resolve(0));
    const lines = [`host: ${hostname}:${port}`, 'content-type: application/json', `content-length: ${bytes.length}`];
    socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    socket.write(bytes);
  });
}

/** What the process held its loop for since this was last asked, milliseconds of CPU. */
async function held(): Promise<number> {
  const before = gateway.stderr().length;
  gateway.signal('SIGWINCH');
  for (let tries = 0; tries < 2_000; tries++) {
    const said = /loop held ([\d.]+)\n/.exec(gateway.stderr().slice(before));
    if (said !== null) return Number(said[1]);
    await sleep(2);
  }
  throw new Error('the probe does not answer');
}

/** The slowest of small requests that are sent one after another until `done`, milliseconds by the clock. */
async function slowestGet(done: Promise<unknown>): Promise<number> {
  let open = true;
  void done.finally(() => {
    open = false;
  });
  let slowest = 0;
  while (open) {
    const began = performance.now();
    await (await fetch(`${gateway.url}/livez`)).arrayBuffer();
    slowest = Math.max(slowest, performance.now() - began);
  }
  return slowest;
}

async function measure({ name, path, bytes }: BodyKind): Promise<{ status: number; heldMs: number }> {
  const body = bytes();
  let status = 0;
  let slowest = Number.POSITIVE_INFINITY;
  const heldMs = await fastest(bound, async () => {
    await held();
    const answer = send(path, body);
    slowest = Math.min(slowest, await slowestGet(answer));
    status = await answer;
    // What it leaves behind, such as garbage, is part of it.
    await sleep(10);
    return held();
  });
  const size = (body.length / 1024 / 1024).toFixed(1);
  table.push(`${heldMs.toFixed(1).padStart(7)} ${slowest.toFixed(1).padStart(15)} ${size.padStart(4)} ${status}  ${name}`);
  return { status, heldMs };
}

describe('G17: the event loop is held for at most 50 ms by a body of', () => {
  test.each(hostileBodies)('$name', { timeout: 30_000 }, async (kind) => {
    const { status, heldMs } = await measure(kind);
    expect([0, 200, 400]).toContain(status);
    expect(heldMs).toBeLessThanOrEqual(bound);
  });

  test.each(largeBodies)('$name, which is answered', { timeout: 30_000 }, async (kind) => {
    const { status, heldMs } = await measure(kind);
    expect(status).toBe(200);
    expect(heldMs).toBeLessThanOrEqual(bound);
  });
});
