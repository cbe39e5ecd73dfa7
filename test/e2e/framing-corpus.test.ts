import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  bytesOf,
  corpus,
  type Payload,
  type Reading,
  type Recorded,
  recorded,
  recordedPath,
} from '../fixtures/framing/corpus.ts';
import { chat } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { open } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { headerMap, takeChunked } from '../helper/http-request.ts';
import { nginxCommand, startNginx } from '../helper/nginx.ts';
import { patient } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Requests written so that two readers may see different ones. Behind each comes one more on the same connection.

const behind = Buffer.from('GET /v1/models?behind HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n');

/** What became of one payload. */
interface Fate {
  /** Requests that were handled on its connection, in order, with the status of the answer. */
  readonly handled: { target: string; status: number; entry: Reading[number] }[];
  /** Everything that came back. */
  readonly raw: Buffer;
  readonly closed: boolean;
}

let upstream: Upstream;
let gateway: TestGateway;
let fates: Map<string, Fate>;
let nginx: Recorded;
/** Requests at the provider. */
let asked: number;

/** Sends a payload and the request behind it in one write; resolves with all that came until the connection was closed. */
async function send(url: string, payload: Payload): Promise<{ port: number; raw: Buffer; closed: boolean }> {
  const connection = await open(url);
  const port = connection.socket.localPort!;
  connection.socket.write(Buffer.concat([bytesOf(payload), behind]));
  const closed = await connection.closed(15_000).then(
    () => true,
    () => false,
  );
  connection.leave('fin');
  return { port, raw: connection.raw, closed };
}

async function fatesOf(): Promise<Map<string, Fate>> {
  const ports = new WeakMap<Socket, number>();
  const handled = new Map<number, Fate['handled']>();
  gateway.gateway.api.server.on('connection', (socket: Socket) => ports.set(socket, socket.remotePort!));
  gateway.gateway.api.exchanges.onSettled((exchange, request) => {
    const port = ports.get(request.raw.socket)!;
    const target = request.originalUrl;
    const list = handled.get(port) ?? [];
    list.push({ target, status: exchange.status, entry: [request.method, target, exchange.bodyBytes] });
    handled.set(port, list);
  });
  const sent = await Promise.all(corpus.map(async (payload) => ({ payload, ...(await send(gateway.url, payload)) })));
  return new Map(sent.map(({ payload, port, raw, closed }) => [payload.name, { handled: handled.get(port) ?? [], raw, closed }]));
}

/** Without the request behind: a reader that sees where the first one ends may well handle it. */
const withoutLast = (reading: Reading): Reading => reading.filter(([, target]) => target !== '/v1/models?behind');

/** Without the body of a GET, which means nothing and which the gateway does not read. */
const comparable = ([method, target, body]: Reading[number]): Reading[number] => [method, target, method === 'GET' ? 0 : body];

/** As docs/deployment.md has it; `x-passed` numbers what it passes on. */
const proxyTo = (url: string) => (port: number) =>
  `
  upstream postern { server ${new URL(url).host}; keepalive 32; }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 32m;
    client_header_timeout 2s;
    client_body_timeout 2s;
    location / {
      proxy_pass http://postern;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Passed $request_id;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_next_upstream off;
      proxy_read_timeout 3s;
    }
  }`;

async function record(): Promise<Recorded> {
  const origin = opened(await startUpstream(json(200, {})));
  const alone = opened(await startNginx(proxyTo(origin.url)));
  const readings: Record<string, Reading> = {};
  for (const payload of corpus) {
    const from = origin.calls.length;
    await send(alone.url, payload);
    const calls = origin.calls.slice(from);
    readings[payload.name] = withoutLast(calls.map(({ method, path, body }) => [method, path, body.length]));
  }
  const front = opened(await startNginx(proxyTo(gateway.url)));
  const passed = new Set<string>();
  const smuggled: string[] = [];
  gateway.gateway.api.server.on('request', ({ headers, method, url }: IncomingMessage) => {
    const id = headers['x-passed'];
    if (typeof id === 'string' && !passed.has(id)) passed.add(id);
    else smuggled.push(`${method} ${url}`);
  });
  for (const payload of corpus) await send(front.url, payload);
  const version = spawnSync(nginxCommand(), ['-v'], { encoding: 'utf8' }).stderr.trim();
  return { version, readings, behind: { passed: passed.size, smuggled } };
}

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  gateway = await startGateway({
    overlay: patient(upstream.url, { server: { header_timeout: '400ms', body_timeout: '900ms', keep_alive_comments: '0s' } }),
    env: { AUTH_MODE: 'none' },
  });
  fates = await fatesOf();
  asked = upstream.calls.length;
  if (process.env.RECORD_NGINX === '1') writeFileSync(recordedPath, `${JSON.stringify(await record(), null, 1)}\n`);
  nginx = recorded();
}, 600_000);

/** Every whole answer in what came back, read by its own framing. */
function answers(raw: Buffer): { status: number; head: string; headers: Record<string, string>; body: Buffer }[] {
  const found = [];
  for (let at = 0; at < raw.length; ) {
    const end = raw.indexOf('\r\n\r\n', at);
    if (end < 0) throw new Error(`No answer: ${raw.toString('latin1', at)}`);
    const head = raw.toString('latin1', at, end);
    const headers = headerMap(head);
    const status = Number(head.slice(9, 12));
    const start = end + 4;
    const chunked = headers['transfer-encoding'] === undefined ? null : takeChunked(raw, start);
    const stop = chunked?.end ?? start + (status === 100 ? 0 : Number(headers['content-length']));
    found.push({ status, head, headers, body: chunked?.bytes ?? raw.subarray(start, stop) });
    at = stop;
  }
  return found;
}

const named = (expected: Payload['expect']) =>
  corpus
    .filter(({ expect }) => expect === expected)
    .map((payload) => [`${payload.row}, G19: security 18: ${payload.name}`, payload.name] as const);

test('C7, G19: security 18: the corpus has its size, and each name once', () => {
  expect(corpus.length).toBeGreaterThanOrEqual(60);
  expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
});

test.each(named('refused'))('%s is refused, the connection closed, and nothing on it handled', (_title, name) => {
  const { raw, closed, handled } = fates.get(name)!;
  expect(closed).toBe(true);
  expect(handled.filter(({ status, target }) => status < 400 || /behind|inside/.test(target))).toEqual([]);
  expect(handled.length).toBeLessThanOrEqual(1);
  const said = answers(raw).filter(({ status }) => status !== 100);
  expect(said.length).toBeLessThanOrEqual(1);
  for (const answer of said) {
    expectEnvelope({ ...answer, complete: true, ended: null, headAt: 0, bodyAt: 0, endAt: 0 });
    expect(answer.headers.connection).toBe('close');
  }
});

test.each(named('same'))('%s is read as nginx reads it', (_title, name) => {
  const { closed, handled } = fates.get(name)!;
  expect(closed).toBe(true);
  expect(withoutLast(handled.map(({ entry }) => entry))).toEqual(nginx.readings[name]!.map(comparable));
});

test.each(named('answered'))('%s is one request, and the next one another', (_title, name) => {
  const { raw, closed, handled } = fates.get(name)!;
  expect(closed).toBe(true);
  expect(handled.at(-1)).toMatchObject({ target: '/v1/models?behind', status: 200 });
  expect(handled.length).toBeLessThanOrEqual(2);
  expect(answers(raw).filter(({ status }) => status !== 100)).toHaveLength(2);
});

describe('C7, G19: security 18: over the whole corpus', () => {
  test('no request inside of another one is handled', () => {
    const inside = [...fates].filter(([, { handled }]) => handled.some(({ target }) => target.includes('inside')));
    expect(inside.map(([name]) => name)).toEqual([]);
  });

  test('no provider was asked for what was refused', () => {
    const chats = [...fates.values()].flatMap(({ handled }) =>
      handled.filter(({ status, entry }) => entry[0] === 'POST' && status === 200),
    );
    expect(chats.length).toBeGreaterThan(10);
    expect(asked).toBe(chats.length);
  });

  test('behind nginx the gateway reads the requests that nginx passes on and no other', () => {
    expect(nginx.version).toMatch(/nginx\/\d/);
    expect(Object.keys(nginx.readings).sort()).toEqual(corpus.map(({ name }) => name).sort());
    expect(nginx.behind.passed).toBeGreaterThan(20);
    expect(nginx.behind.smuggled).toEqual([]);
  });
});
