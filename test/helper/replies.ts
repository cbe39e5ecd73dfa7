import { setTimeout as sleep } from 'node:timers/promises';
import { turn, type Wire } from './http-request.ts';
import type { Script } from './upstream.ts';

export type Framing = 'chunked' | 'length' | 'close';
export const framings: readonly Framing[] = ['chunked', 'length', 'close'];

/** How the answer's connection ends: kept open for the next request, FIN, RST, or left hanging. */
export type End = 'keep' | 'fin' | 'rst' | 'never';

export interface AnswerOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly framing?: Framing;
  /** Default: `keep`, for close-delimited bodies `fin`. */
  readonly end?: End;
  /** Send only this many bytes of the body (and no closing chunk); the declared length stays that of the whole. */
  readonly cut?: number;
  /** Bytes per write; each one is read by the gateway before the next. Default: all at once. */
  readonly piece?: number;
  /** Offsets at which the body is split; an alternative to `piece`. */
  readonly splits?: readonly number[];
  /** Milliseconds before each write but the first. */
  readonly delay?: number;
  /** Milliseconds before the head. */
  readonly wait?: number;
}

/** One whole or cut answer with exactly these body bytes. */
export function answer(body: Buffer | string, options: AnswerOptions = {}): Script {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const framing = options.framing ?? 'length';
  return async (_call, wire) => {
    if (options.wait !== undefined) await sleep(options.wait);
    const head = headOf(options.status ?? 200, framing, bytes.length, options.headers ?? {});
    const sent = bytes.subarray(0, options.cut ?? bytes.length);
    const whole = options.cut === undefined;
    const pieces = split(sent, options);
    const first = pieces.shift() ?? Buffer.alloc(0);
    await wire.send(Buffer.concat([head, framed(first, framing), ...(whole && pieces.length === 0 ? [tail(framing)] : [])]));
    for (const [index, piece] of pieces.entries()) {
      await (options.delay === undefined ? turn() : sleep(options.delay));
      if (wire.closed) return;
      await wire.send(Buffer.concat([framed(piece, framing), ...(whole && index === pieces.length - 1 ? [tail(framing)] : [])]));
    }
    await finish(wire, options.end ?? (framing === 'close' ? 'fin' : 'keep'));
  };
}

export async function finish(wire: Wire, end: End): Promise<void> {
  if (end === 'fin') wire.fin();
  else if (end === 'rst') wire.rst();
  else if (end === 'never') await wire.gone;
}

/** Status line, framing headers and the given ones. */
export function headOf(status: number, framing: Framing, length: number, headers: Readonly<Record<string, string>>): Buffer {
  const lines = [`HTTP/1.1 ${status} Scripted`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (framing === 'chunked') lines.push('transfer-encoding: chunked');
  else if (framing === 'length') lines.push(`content-length: ${length}`);
  else lines.push('connection: close');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** `bytes` as one chunk, or as they are. */
export function framed(bytes: Buffer, framing: Framing): Buffer {
  if (framing !== 'chunked' || bytes.length === 0) return bytes;
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

function tail(framing: Framing): Buffer {
  return Buffer.from(framing === 'chunked' ? '0\r\n\r\n' : '');
}

function split(bytes: Buffer, options: AnswerOptions): Buffer[] {
  if (options.splits !== undefined) {
    const edges = [0, ...options.splits, bytes.length];
    return edges.slice(1).map((edge, index) => bytes.subarray(edges[index]!, edge));
  }
  if (options.piece === undefined) return [bytes];
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += options.piece) pieces.push(bytes.subarray(at, at + options.piece));
  return pieces;
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Script {
  return answer(typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/** An event stream; a string entry is one event's whole text without the blank line, or all bytes as one buffer. */
export function sse(events: readonly string[] | Buffer, options: AnswerOptions = {}): Script {
  const bytes = Buffer.isBuffer(events) ? events : Buffer.from(events.map((event) => `${event}\n\n`).join(''));
  return answer(bytes, {
    framing: 'chunked',
    ...options,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', ...options.headers },
  });
}

/** Event stream whose events are sent one by one, `every` milliseconds apart, closed cleanly after the last. */
export function paced(events: readonly string[], every: number, end: End = 'keep'): Script {
  return async (_call, wire) => {
    await wire.send(headOf(200, 'chunked', 0, { 'content-type': 'text/event-stream' }));
    for (const [index, event] of events.entries()) {
      if (index > 0) await sleep(every);
      if (wire.closed) return;
      await wire.send(framed(Buffer.from(`${event}\n\n`), 'chunked'));
    }
    if (end === 'keep') await wire.send(tail('chunked'));
    await finish(wire, end);
  };
}

/** Exact bytes instead of an answer, then `end`. */
export function rawBytes(bytes: Buffer | string, end: End): Script {
  return async (_call, wire) => {
    await wire.send(bytes);
    await finish(wire, end);
  };
}

/** Takes the request and says nothing until the other side gives up. */
export const silence: Script = (_call, wire) => wire.gone;
