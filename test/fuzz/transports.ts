import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { canary } from '../helper/faults.ts';
import { turn, type Wire } from '../helper/http-request.ts';
import { type End, finish, framed } from '../helper/replies.ts';
import { damaged } from './damage.ts';
import type { Dice } from './dice.ts';
import type { HeaderLine } from './heads.ts';
import type { Body } from './unruly.ts';

// How an upstream's answer gets onto the wire: heads, framings, codings, pieces and ends, right and wrong.

/** An answer as bytes, in the pieces and with the end it is sent with. */
export interface Transport {
  readonly bytes: Buffer;
  readonly splits: readonly number[];
  readonly end: End;
  /** Nothing about head, framing and end is wrong. */
  readonly right: boolean;
}

const statuses = [
  100, 199, 201, 202, 204, 205, 206, 226, 299, 300, 301, 304, 307, 308, 400, 401, 402, 403, 404, 405, 407, 408, 409, 413,
];
const moreStatuses = [418, 422, 425, 429, 431, 451, 498, 499, 500, 501, 502, 503, 504, 511, 520, 524, 529, 599, 600, 999];

/** A16: lines that must not cross, or that make the head something else. */
function oddLines(dice: Dice): readonly string[] {
  const lines = [
    'set-cookie: session=upstream',
    'x-request-id: upstream-id',
    'x-should-retry: maybe',
    'x-postern-cost-usd: -1',
    'x-postern-exchange-id: forged',
    'access-control-allow-origin: *',
    'cache-control: public, max-age=99999',
    'location: http://127.0.0.1:9/',
    'retry-after: -1',
    'retry-after: 1e9',
    'retry-after: Mon, 01 Jan 1990 00:00:00 GMT',
    'retry-after: 99999999999999999999',
    'retry-after-ms: NaN',
    'connection: close',
    'connection: keep-alive, upgrade',
    'keep-alive: timeout=0',
    'upgrade: websocket',
    'trailer: x-injected',
    '__proto__: polluted',
    'constructor: polluted',
    'content-type: text/html',
    'content-type:',
    'content-type: application/json\r\ncontent-type: text/event-stream',
    `server: ${canary}`,
    'x-latin: \u00e9\u00ff',
    'x-empty:',
    `x-big: ${'v'.repeat(dice.pick([4_000, 17_000]))}`,
    Array.from({ length: dice.pick([90, 500]) }, (_, at) => `x-many-${at}: 1`).join('\r\n'),
    'x-fold: a\r\n b',
    'x-nul: a\0b',
    'x-bare: a\rb',
    'x-lf: a\nx-injected: 1',
    'x-space : a',
    ': no name',
    'no colon',
    'transfer-encoding: chunked',
    'transfer-encoding: gzip, chunked',
    'transfer-encoding: identity',
    'content-length: 5',
    'content-length: -1',
    'content-length: 99999999999999999999',
    'content-length: 1, 1',
    'content-encoding: gzip',
    'content-encoding: gzip, gzip',
    'content-encoding: nonsense',
  ];
  return [dice.pick(lines)];
}

const statusLines = [
  'HTTP/1.1 200',
  'HTTP/1.0 200 OK',
  'HTTP/0.9 200 OK',
  'HTTP/2 200',
  'HTTP/1.1 2000 OK',
  'HTTP/1.1 20 OK',
  'HTTP/1.1 -200 OK',
  'HTTP/1.1  200 OK',
  'http/1.1 200 ok',
  'ICY 200 OK',
  'HTTP/1.1 200 \u00ff\u0001',
  '',
  'SSH-2.0-OpenSSH_9.9',
  '\0\0\0',
  '<html>',
  'GET / HTTP/1.1',
  'HTTP/1.1 101 Switching Protocols',
];

/** The HTTP client takes a 100 that nobody asked for as the end of the connection. */
const unasked = 'HTTP/1.1 100 Continue\r\n\r\n';
const interim = ['HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', 'HTTP/1.1 102 Processing\r\n\r\n'];

function compressed(dice: Dice, bytes: Buffer): { bytes: Buffer; lines: HeaderLine[] } {
  const ways: readonly [string, (bytes: Buffer) => Buffer][] = [
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ];
  const [name, compress] = dice.pick(ways);
  return { bytes: compress(bytes), lines: [['content-encoding', name]] };
}

const typeOf = { json: 'application/json', events: 'text/event-stream; charset=utf-8', html: 'text/html' } as const;

/** The answer with `body` as it is sent. */
export function makeTransport(dice: Dice, body: Body): Transport {
  let right = true;
  const lines: string[] = [`content-type: ${typeOf[body.kind]}`];
  let { bytes } = body;
  if (dice.chance(0.08)) {
    const coded = compressed(dice, bytes);
    lines.push(...coded.lines.map(([name, value]) => `${name}: ${value}`));
    bytes = coded.bytes;
    if (dice.chance(0.3)) {
      bytes = damaged(dice, bytes);
      right = false;
    }
  }
  let status = 'HTTP/1.1 200 OK';
  if (dice.chance(0.15)) {
    right = false;
    status = dice.chance(0.85)
      ? `HTTP/1.1 ${dice.pick(dice.chance(0.5) ? statuses : moreStatuses)} Scripted`
      : dice.pick(statusLines);
  }
  for (let count = dice.chance(0.15) ? dice.between(1, 3) : 0; count > 0; count--) {
    right = false;
    lines.splice(dice.below(lines.length + 1), 0, ...oddLines(dice));
  }
  const framing = dice.pick(['chunked', 'chunked', 'length', 'length', 'close'] as const);
  if (framing === 'chunked') lines.push('transfer-encoding: chunked');
  else if (framing === 'close') lines.push('connection: close');
  else lines.push(`content-length: ${bytes.length}`);
  let before = dice.chance(0.05) ? dice.pick(interim).repeat(dice.pick([1, 1, 5])) : '';
  if (dice.chance(0.01)) {
    before = unasked;
    right = false;
  }
  const head = Buffer.from(`${before}${status}\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const payload = framing === 'chunked' ? inChunks(dice, bytes) : bytes;
  let message: Buffer = Buffer.concat([head, payload]);
  let end: End = framing === 'close' ? 'fin' : 'keep';
  const fate = dice.below(100);
  if (fate < 8) {
    right = false;
    message = message.subarray(0, dice.below(message.length + 1));
    end = dice.pick(['fin', 'rst', 'rst', 'fin', 'never']);
  } else if (fate < 12) {
    right = false;
    message = damaged(dice, message);
  } else if (fate < 16) {
    // U13: more than announced.
    right = false;
    message = Buffer.concat([message, dice.pick([Buffer.from('surplus'), Buffer.from('\r\n\r\n'), head, message])]);
  } else if (fate < 20) end = right ? end : dice.pick(['fin', 'rst']);
  // Whatever may leave the reader waiting is ended by the upstream itself, or the run would be made of timeouts.
  if (!right && end === 'keep' && !dice.chance(0.03)) end = dice.pick(['fin', 'fin', 'rst']);
  const splits = dice.chance(0.3) ? Array.from({ length: dice.between(1, 5) }, () => dice.below(message.length + 1)) : [];
  return { bytes: message, splits: splits.sort((a, b) => a - b), end, right };
}

function inChunks(dice: Dice, bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  const size = dice.pick([1, 13, 100, 10_000, 10_000]) * (bytes.length > 10_000 ? 1_000 : 1);
  for (let at = 0; at < bytes.length; at += size) parts.push(framed(bytes.subarray(at, at + size), 'chunked'));
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** Sends it, each piece read before the next one comes. */
export async function play({ bytes, splits, end }: Transport, wire: Wire): Promise<void> {
  let from = 0;
  for (const edge of [...splits, bytes.length]) {
    if (wire.closed) return;
    if (edge > from) await wire.send(bytes.subarray(from, edge));
    from = edge;
    if (splits.length > 0) await turn();
  }
  await finish(wire, end);
}
