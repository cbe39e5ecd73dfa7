import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One request as a fake saw it. */
export interface FakeRequest {
  /** 0 for the first one of this fake. */
  readonly number: number;
  readonly method: string;
  /** Percent-decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  /** The parsed body; `undefined` where there is none or it is no JSON. */
  readonly body: unknown;
  /** The body of the error the fake answered with by itself, null where the request was accepted. */
  refusal: unknown;
  /** The status that was sent; 0 until then. */
  status: number;
  /** Whether the peer left before the whole answer was written. */
  aborted: boolean;
}

/** One scripted answer; every member has a default. */
export interface FakeReply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A value other than text or bytes is sent as JSON. */
  readonly body?: unknown;
  /** Offsets at which the body is split into separate writes. */
  readonly splits?: readonly number[];
  /** Bytes per write; an alternative to `splits`. */
  readonly piece?: number;
  /** Milliseconds before every write but the first. */
  readonly delay?: number;
  /** Milliseconds before the head. */
  readonly wait?: number;
  /** Sends only that many bytes of the body and then ends by `end`. */
  readonly cut?: number;
  /** How a cut answer ends: FIN, RST, or left hanging until the peer goes. Default FIN. */
  readonly end?: 'fin' | 'rst' | 'never';
  /** Answer so without validating the request first. */
  readonly unchecked?: boolean;
}

/** A reply, or a function that makes one; `undefined` stands for what the fake would answer by itself. */
export type FakeScript = FakeReply | ((request: FakeRequest) => FakeReply | undefined | Promise<FakeReply | undefined>);

export interface FakeServer {
  readonly port: number;
  /** `http://127.0.0.1:port`, without a path. */
  readonly origin: string;
  /** Every request so far, refused ones too. */
  readonly requests: FakeRequest[];
  /** Answers for the next calls, in order; afterwards the fake's own again. */
  next(...scripts: readonly FakeScript[]): void;
  /** The answer to every call that `next` has none for; null puts the fake's own back. */
  always(script: FakeScript | null): void;
  close(): Promise<void>;
}

/** What a dialect decides: the answer by itself, given the script's answer if it has one. */
export type FakeHandler = (request: FakeRequest, script: FakeScript | null) => Promise<FakeReply>;

/** An HTTP server on 127.0.0.1 with a free port that hands every whole request to `handle`. */
export async function startFakeServer(handle: FakeHandler): Promise<FakeServer> {
  const requests: FakeRequest[] = [];
  const queue: FakeScript[] = [];
  let standing: FakeScript | null = null;

  const server = createServer({ noDelay: true }, (message, response) => {
    void answer(message, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(599, { 'content-type': 'text/plain' });
      response.end(`The fake itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
  });

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const request = read(message, Buffer.concat(chunks), requests.length);
    requests.push(request);
    let ours = false;
    response.once('close', () => {
      request.aborted = !response.writableFinished && !ours;
    });
    const reply = await handle(request, queue.shift() ?? standing);
    ours = reply.cut !== undefined && reply.end !== 'never';
    request.status = reply.status ?? 200;
    await send(response, reply);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    requests,
    next: (...scripts) => queue.push(...scripts),
    always: (script) => {
      standing = script;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function read(message: IncomingMessage, bytes: Buffer, number: number): FakeRequest {
  const url = new URL(message.url ?? '/', 'http://fake');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  let body: unknown;
  try {
    body = bytes.length === 0 ? undefined : JSON.parse(bytes.toString('utf8'));
  } catch {
    body = undefined;
  }
  const path = decodeURIComponent(url.pathname);
  return {
    number,
    method: message.method ?? 'GET',
    path,
    query: url.searchParams,
    headers,
    bytes,
    body,
    refusal: null,
    status: 0,
    aborted: false,
  };
}

/** Writes one reply with its splits and delays. */
async function send(response: ServerResponse, reply: FakeReply): Promise<void> {
  if (reply.wait !== undefined) await sleep(reply.wait);
  const json = typeof reply.body !== 'string' && !Buffer.isBuffer(reply.body);
  const bytes = bytesOf(reply.body);
  response.writeHead(reply.status ?? 200, {
    ...(json ? { 'content-type': 'application/json; charset=UTF-8' } : {}),
    ...reply.headers,
  });
  const sent = bytes.subarray(0, reply.cut ?? bytes.length);
  let first = true;
  for (const piece of pieces(sent, reply)) {
    if (!first) await (reply.delay === undefined ? new Promise((resolve) => setImmediate(resolve)) : sleep(reply.delay));
    first = false;
    if (response.destroyed) return;
    await new Promise<void>((resolve) => response.write(piece, () => resolve()));
  }
  if (reply.cut === undefined) {
    response.end();
    return;
  }
  // The head of an answer that is cut before its first byte still has to arrive.
  response.flushHeaders();
  await new Promise((resolve) => setImmediate(resolve));
  await cutOff(response.socket, reply.end ?? 'fin');
}

async function cutOff(socket: Socket | null, end: 'fin' | 'rst' | 'never'): Promise<void> {
  if (socket === null || socket.destroyed) return;
  if (end === 'fin') socket.end();
  else if (end === 'rst') socket.resetAndDestroy();
  else await new Promise((resolve) => socket.once('close', resolve));
}

function bytesOf(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function pieces(bytes: Buffer, reply: FakeReply): Buffer[] {
  if (bytes.length === 0) return [];
  const edges = [...(reply.splits ?? [])].filter((edge) => edge > 0 && edge < bytes.length).sort((a, b) => a - b);
  if (reply.splits === undefined && reply.piece !== undefined) {
    for (let at = reply.piece; at < bytes.length; at += reply.piece) edges.push(at);
  }
  const bounds = [0, ...edges, bytes.length];
  return bounds.slice(1).map((edge, index) => bytes.subarray(bounds[index]!, edge));
}

/** The script's reply for `request`, or null where the fake answers by itself. */
export async function scripted(script: FakeScript | null, request: FakeRequest): Promise<FakeReply | null> {
  if (script === null) return null;
  return (typeof script === 'function' ? await script(request) : script) ?? null;
}
