import type { Socket } from 'node:net';

/** One request as it arrived at the scripted upstream. Times are `performance.now()` milliseconds. */
export interface RecordedCall {
  /** 0, 1, … in order of arrival. */
  readonly number: number;
  /** Number of the connection it came on; equal numbers mean a reused socket. */
  readonly socket: number;
  readonly method: string;
  /** Request target with its query, as sent. */
  readonly path: string;
  /** Names in lower case; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Request line and header lines as sent. */
  readonly head: string;
  /** Body bytes, chunked coding removed. */
  readonly body: Buffer;
  /** Parsed body, `undefined` when it is not JSON. */
  readonly json: unknown;
  readonly at: number;
  /** When the peer closed the connection while the script was still answering; null when it did not. */
  abortedAt: number | null;
}

export interface ParsedRequest {
  readonly head: string;
  readonly body: Buffer;
  /** Bytes consumed. */
  readonly length: number;
}

/** Takes one HTTP/1.1 request from the front of `bytes`; null when it is not there in full yet. */
export function takeRequest(bytes: Buffer): ParsedRequest | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = bytes.toString('latin1', 0, end);
  const start = end + 4;
  if (/^transfer-encoding:.*chunked/im.test(head)) {
    const body = takeChunked(bytes, start);
    return body === null ? null : { head, body: body.bytes, length: body.end };
  }
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  if (bytes.length < start + length) return null;
  return { head, body: Buffer.from(bytes.subarray(start, start + length)), length: start + length };
}

/** Removes the chunked coding that begins at `start`; null when its last chunk is not there yet. */
export function takeChunked(bytes: Buffer, start: number): { bytes: Buffer; end: number } | null {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    const data = line + 2;
    if (Number.isNaN(size)) throw new Error(`Chunk size line is not a number: ${bytes.toString('latin1', at, line)}`);
    if (size === 0) {
      const trailer = bytes.indexOf('\r\n', data);
      return trailer < 0 ? null : { bytes: Buffer.concat(parts), end: trailer + 2 };
    }
    if (bytes.length < data + size + 2) return null;
    parts.push(bytes.subarray(data, data + size));
    at = data + size + 2;
  }
}

/** Header lines as a map; names in lower case, repeated ones joined with `, `. */
export function headerMap(head: string): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}

export function record(parsed: ParsedRequest, number: number, socket: number): RecordedCall {
  const [method = '', path = ''] = parsed.head.split('\r\n', 1)[0]!.split(' ');
  let json: unknown;
  try {
    json = JSON.parse(parsed.body.toString('utf8'));
  } catch {
    json = undefined;
  }
  const headers = headerMap(parsed.head);
  return {
    number,
    socket,
    method,
    path,
    headers,
    head: parsed.head,
    body: parsed.body,
    json,
    at: performance.now(),
    abortedAt: null,
  };
}

/** What a script writes its answer to. */
export class Wire {
  readonly socket: Socket;
  /** Resolves when the connection is closed by either side. */
  readonly gone: Promise<void>;
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.gone = new Promise((resolve) => {
      socket.once('close', () => {
        this.closed = true;
        resolve();
      });
    });
  }

  /** Resolves when the bytes are with the kernel, or the connection is gone. */
  send(bytes: Buffer | string): Promise<void> {
    if (this.closed || this.socket.destroyed) return this.gone;
    return new Promise((resolve) => {
      this.socket.write(bytes, (error) => {
        if (!error) resolve();
      });
      void this.gone.then(resolve);
    });
  }

  /** Ends the answer with FIN. */
  fin(): void {
    this.socket.end();
  }

  /** Ends the answer with RST. Bytes already sent stay readable on the other side. */
  rst(): void {
    this.socket.resetAndDestroy();
  }
}

/** Waits two turns of the event loop: what was sent before is read by a peer in this process before it resolves. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
