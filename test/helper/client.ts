import { connect, type Socket } from 'node:net';
import { headerMap, takeChunked } from './http-request.ts';

/** One answer being received. Times are `performance.now()` milliseconds, 0 = not yet. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  /** Status line and header lines as received. */
  head: string;
  /** Body bytes so far, chunked coding removed. */
  body: Buffer;
  /** The message is complete by its own framing. */
  complete: boolean;
  /** How the connection ended, null while it is open. */
  ended: 'fin' | 'rst' | null;
  headAt: number;
  bodyAt: number;
  endAt: number;
}

export interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | Buffer | object;
}

/** Bytes of a request with `host`, `content-type` and `content-length`. */
export function requestBytes(request: Request): Buffer {
  const { method = request.body === undefined ? 'GET' : 'POST', path = '/v1/chat/completions', headers = {}, body } = request;
  const bytes =
    body === undefined
      ? null
      : Buffer.isBuffer(body)
        ? body
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const all: Record<string, string> = {
    host: '127.0.0.1',
    ...(bytes === null ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  if (bytes !== null) all['content-length'] ??= String(bytes.length);
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), bytes ?? Buffer.alloc(0)]);
}

/** A raw HTTP/1.1 client connection: sends exact bytes, reads what comes, leaves when and how told. */
export class Connection {
  readonly socket: Socket;
  /** The answer being received; a new one with each `send` of a whole request. */
  reply: Reply = emptyReply();
  /** Every byte received. */
  raw: Buffer = Buffer.alloc(0);
  #parsed = 0;
  readonly #waiters = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.raw = this.raw.length === 0 ? chunk : Buffer.concat([this.raw, chunk]);
      this.#parse();
    });
    socket.on('end', () => this.#end('fin'));
    socket.on('error', () => this.#end('rst'));
    socket.on('close', () => this.#end('fin'));
  }

  /** Sends one request; what is received from now on is its answer. */
  send(request: Request | Buffer): void {
    this.reply = emptyReply();
    this.#parsed = 0;
    this.raw = Buffer.alloc(0);
    this.socket.write(Buffer.isBuffer(request) ? request : requestBytes(request));
  }

  /** Sends one request and resolves with its whole answer, or with what came when the connection ended first. */
  async ask(request: Request | Buffer, ms?: number): Promise<Reply> {
    this.send(request);
    return this.until((reply) => reply.complete || reply.ended !== null, ms);
  }

  /** Resolves as soon as `test` holds; rejects after `ms`, or when the connection ended and it does not hold. */
  until(test: (reply: Reply) => boolean, ms = 30_000): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const finish = (error: Error | null) => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        if (error === null) resolve(this.reply);
        else reject(error);
      };
      const check = () => {
        if (test(this.reply)) finish(null);
        else if (this.reply.ended !== null) finish(new Error(`The connection ended first. ${describe(this.reply)}`));
      };
      const timer = setTimeout(() => finish(new Error(`Not within ${ms} ms. ${describe(this.reply)}`)), ms);
      this.#waiters.add(check);
      check();
    });
  }

  /** Resolves when body bytes containing `text` have come. */
  saw(text: string, ms?: number): Promise<Reply> {
    return this.until((reply) => reply.body.includes(text), ms);
  }

  /** Resolves when the connection has ended. */
  closed(ms?: number): Promise<Reply> {
    return this.until((reply) => reply.ended !== null, ms);
  }

  /** Goes away without reading further. */
  leave(how: 'fin' | 'rst'): void {
    if (how === 'rst') this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** Stops reading; the kernel's buffers fill up. */
  stall(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  #end(how: 'fin' | 'rst'): void {
    if (this.reply.ended !== null) return;
    this.reply.ended = how;
    this.reply.endAt ||= performance.now();
    for (const check of [...this.#waiters]) check();
  }

  #parse(): void {
    const reply = this.reply;
    if (reply.complete) return;
    if (reply.headAt === 0 && !this.#parseHead()) return;
    const coding = reply.headers['transfer-encoding'];
    const length = reply.headers['content-length'];
    if (coding !== undefined) {
      const whole = takeChunked(this.raw, this.#parsed);
      reply.complete = whole !== null;
      reply.body = whole?.bytes ?? partial(this.raw, this.#parsed);
    } else if (length !== undefined) {
      reply.body = this.raw.subarray(this.#parsed, this.#parsed + Number(length));
      reply.complete = reply.body.length === Number(length);
    } else {
      reply.body = this.raw.subarray(this.#parsed);
    }
    const now = performance.now();
    if (reply.body.length > 0) reply.bodyAt ||= now;
    if (reply.complete) reply.endAt = now;
    for (const check of [...this.#waiters]) check();
  }

  #parseHead(): boolean {
    const end = this.raw.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const reply = this.reply;
    reply.head = this.raw.toString('latin1', 0, end);
    reply.status = Number(reply.head.slice(9, 12));
    reply.headers = headerMap(reply.head);
    reply.headAt = performance.now();
    this.#parsed = end + 4;
    return true;
  }
}

/** Chunked body of which the end is missing: what is there in whole chunks. */
function partial(bytes: Buffer, start: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) break;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (Number.isNaN(size) || bytes.length < line + 2 + size) break;
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 4 + size;
  }
  return Buffer.concat(parts);
}

function emptyReply(): Reply {
  return {
    status: 0,
    headers: {},
    head: '',
    body: Buffer.alloc(0),
    complete: false,
    ended: null,
    headAt: 0,
    bodyAt: 0,
    endAt: 0,
  };
}

function describe(reply: Reply): string {
  return `Status ${reply.status}, ended ${reply.ended}, body: ${reply.body.toString('utf8', 0, 500)}`;
}

/** Opens a connection to `http://host:port`. */
export async function open(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return new Connection(socket);
}

/** One request on a connection of its own. */
export async function ask(url: string, request: Request | Buffer, ms?: number): Promise<Reply> {
  const connection = await open(url);
  try {
    return await connection.ask(request, ms);
  } finally {
    connection.leave('fin');
  }
}

export function jsonOf<T = Record<string, unknown>>(reply: Reply): T {
  return JSON.parse(reply.body.toString('utf8')) as T;
}

/** One server-sent event as a client reads it. */
export interface ReceivedEvent {
  readonly event: string;
  readonly data: string;
}

/** Events of a stream whose lines end in LF; comments are left out, an event without its blank line too. */
export function eventsOf(body: Buffer | string): ReceivedEvent[] {
  const blocks = body.toString('utf8').split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const lines = block.split('\n').filter((line) => !line.startsWith(':'));
    if (lines.length === 0) return [];
    const field = (name: string) =>
      lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trimStart());
    return [{ event: field('event').join(''), data: field('data').join('\n') }];
  });
}

/** Text of choice 0 over all chat chunks. */
export function textOf(body: Buffer | string): string {
  let text = '';
  for (const { data } of eventsOf(body)) {
    if (data === '[DONE]') continue;
    const chunk = JSON.parse(data) as { choices?: { index: number; delta?: { content?: string | null } }[] };
    for (const choice of chunk.choices ?? []) if (choice.index === 0) text += choice.delta?.content ?? '';
  }
  return text;
}

/** The error of a stream that broke, null when there is none. */
export function streamError(
  body: Buffer | string,
): { message: string; type: string; code: string | null; param: string | null } | null {
  for (const { data } of eventsOf(body)) {
    if (data === '[DONE]') continue;
    const { error } = JSON.parse(data) as { error?: ReturnType<typeof streamError> };
    if (error) return error;
  }
  return null;
}
