import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { headerMap, takeChunked } from '../helper/http-request.ts';

// One request as raw bytes on a connection of its own, and whatever comes back, read by nothing but RFC 9112.

/** What came back. */
export interface Received {
  /** 0: the connection ended without an answer. */
  readonly status: number;
  /** Status line and header lines. */
  readonly head: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The answer is complete by its own framing. */
  readonly complete: boolean;
  /** What came behind the answer. */
  readonly rest: Buffer;
  /** Milliseconds from the connect to the end of the answer. */
  readonly took: number;
}

export interface Sending {
  readonly url: string;
  readonly bytes: Buffer;
  /** Offsets that part the bytes into writes of their own. */
  readonly splits?: readonly number[];
  /** The answer to HEAD has no body, whatever its headers say. */
  readonly method: string;
  /** Send FIN behind the bytes: the peer must not wait for more. */
  readonly finish?: boolean;
  /** A GET that is sent right behind it (C10); its answer is `second`. */
  readonly followedBy?: Buffer;
}

export interface Conversation extends Received {
  /** The answer to `followedBy`; null when the connection ended before it came. */
  readonly second: Omit<Received, 'took'> | null;
  /** Why it ended here: the answer was whole, the time was up, how the connection ended. */
  readonly why: string;
}

type Parsed = Omit<Received, 'took'>;

const nothing: Parsed = { status: 0, head: '', headers: {}, body: Buffer.alloc(0), complete: false, rest: Buffer.alloc(0) };

/** The first final answer in `raw`; interim ones (1xx) are passed over. `ended`: nothing more will come. */
function readAnswer(raw: Buffer, method: string, ended: boolean): Parsed {
  let start = 0;
  for (;;) {
    const end = raw.indexOf('\r\n\r\n', start);
    if (end < 0) return nothing;
    const head = raw.toString('latin1', start, end);
    const status = /^HTTP\/1\.1 (\d{3}) /.test(head) ? Number(head.slice(9, 12)) : -1;
    if (status >= 100 && status < 200) {
      start = end + 4;
      continue;
    }
    const headers = headerMap(head);
    const base = { status, head, headers };
    const from = end + 4;
    const whole = (body: Buffer, length: number): Parsed => ({
      ...base,
      body,
      complete: true,
      rest: raw.subarray(from + length),
    });
    if (method === 'HEAD' || status === 204 || status === 304) return whole(Buffer.alloc(0), 0);
    if (headers['transfer-encoding'] !== undefined) {
      const chunks = takeChunked(raw, from);
      if (chunks !== null) return whole(chunks.bytes, chunks.end - from);
    } else if (headers['content-length'] !== undefined) {
      const length = Number(headers['content-length']);
      if (raw.length - from >= length) return whole(raw.subarray(from, from + length), length);
    } else if (ended) return whole(raw.subarray(from), raw.length - from);
    return { ...base, body: raw.subarray(from), complete: false, rest: Buffer.alloc(0) };
  }
}

/** Sends the bytes and resolves with the answer, or with what there is of it when the connection ends or `ms` are over. */
export function converse(sending: Sending, ms: number): Promise<Conversation> {
  const { hostname, port } = new URL(sending.url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
    const began = performance.now();
    const pieces: Buffer[] = [];
    let over = false;
    const look = (why: string): void => {
      const ended = why !== 'whole';
      if (over) return;
      const answer = readAnswer(Buffer.concat(pieces), sending.method, ended);
      const second = answer.complete && sending.followedBy !== undefined ? readAnswer(answer.rest, 'GET', ended) : null;
      if (!ended && !(answer.complete && (sending.followedBy === undefined || second?.complete === true))) return;
      over = true;
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...answer, second: second?.complete === true ? second : null, took: performance.now() - began, why });
    };
    const timer = setTimeout(() => look('late'), ms);
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      look('whole');
    });
    for (const event of ['end', 'close']) socket.on(event, () => look(event));
    socket.on('error', (error: NodeJS.ErrnoException) => look(`${error.syscall} ${error.code}`));
    socket.on('connect', () => void send(socket, sending));
  });
}

async function send(socket: Socket, { bytes, splits = [], followedBy, finish = false }: Sending): Promise<void> {
  let from = 0;
  for (const split of splits) {
    socket.write(bytes.subarray(from, split));
    from = split;
    await nextTurn();
    await nextTurn();
  }
  if (from < bytes.length) socket.write(bytes.subarray(from));
  if (followedBy !== undefined) socket.write(followedBy);
  if (finish) socket.end();
}
