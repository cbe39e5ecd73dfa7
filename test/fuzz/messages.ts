import { makeAddress, makeMethod } from './addresses.ts';
import { makeBody } from './bodies.ts';
import { Dice } from './dice.ts';
import { type Credentials, type HeaderLine, makeCredential, makeExtras, makeHost, makeType } from './heads.ts';

// Whole requests as bytes.

/** A listener that requests are made for. */
export interface Listener {
  readonly kind: 'keyed' | 'open' | 'management';
  readonly url: string;
  /** Absent: nobody is asked for a key, and the `host` has to be this machine's. */
  readonly credentials?: Credentials;
}

export interface Message {
  readonly index: number;
  readonly listener: Listener;
  readonly bytes: Buffer;
  /** Offsets at which the bytes are parted into writes of their own. */
  readonly splits: readonly number[];
  readonly method: string;
  readonly path: string;
  /** False: no reader may let this caller in. */
  readonly entitled: boolean;
  /** The `host` is not this machine's. */
  readonly foreign: boolean;
  /** False: how long the message is, or whether it is HTTP at all, is a matter of opinion. */
  readonly wellFramed: boolean;
  /** A right request to be sent behind it on the same connection. */
  readonly followedBy?: Buffer;
}

interface Framed {
  readonly lines: readonly HeaderLine[];
  readonly bytes: Buffer;
  readonly wellFramed: boolean;
}

function chunked(dice: Dice, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, dice.pick([1, 7, 64, 1_000, 65_536]) * (body.length > 20_000 ? 500 : 1));
    const extension = dice.chance(0.05) ? ';a=b' : '';
    parts.push(Buffer.from(`${size.toString(16)}${extension}\r\n`), body.subarray(at, at + size), Buffer.from('\r\n'));
    at += size;
  }
  const trailer = dice.chance(0.1) ? 'x-injected: 1\r\nauthorization: Bearer x\r\n' : '';
  return Buffer.concat([...parts, Buffer.from(`0\r\n${trailer}\r\n`)]);
}

/** C7: lengths and codings that disagree with the body or with each other. */
function misframed(dice: Dice, body: Buffer): Framed {
  const length = String(body.length);
  const chunks = chunked(dice, body);
  const ways: readonly [readonly HeaderLine[], Buffer][] = [
    [
      [
        ['content-length', length],
        ['transfer-encoding', 'chunked'],
      ],
      chunks,
    ],
    [
      [
        ['transfer-encoding', 'chunked'],
        ['content-length', length],
      ],
      body,
    ],
    [
      [
        ['content-length', length],
        ['content-length', length],
      ],
      body,
    ],
    [
      [
        ['content-length', length],
        ['content-length', '0'],
      ],
      body,
    ],
    [[['content-length', `+${length}`]], body],
    [[['content-length', `-${length}`]], body],
    [[['content-length', `0x${body.length.toString(16)}`]], body],
    [[['content-length', `${length}, ${length}`]], body],
    [[['content-length', '99999999999999999999999']], body],
    [[['content-length', '40000000']], body],
    [[['content-length', String(body.length + 9)]], body],
    [[['content-length', String(Math.max(0, body.length - 9))]], body],
    [[['content-length', '']], body],
    [[['content-length', length]], body.subarray(0, dice.below(body.length + 1))],
    [[['transfer-encoding', 'xchunked']], chunks],
    [[['transfer-encoding', 'chunked, identity']], chunks],
    [[['transfer-encoding', 'gzip, chunked']], chunks],
    [[['transfer-encoding', '\tchunked']], chunks],
    [
      [
        ['transfer-encoding', 'chunked'],
        ['transfer-encoding', 'chunked'],
      ],
      chunks,
    ],
    [[['transfer-encoding', 'chunked']], body],
    [[['transfer-encoding', 'chunked']], Buffer.from('ffffffffffffffff1\r\n{}\r\n0\r\n\r\n')],
    [[['transfer-encoding', 'chunked']], Buffer.from('5\r\n{"a":1}\r\n0\r\n\r\n')],
    [[['transfer-encoding', 'chunked']], chunks.subarray(0, dice.below(chunks.length + 1))],
    [[], body],
  ];
  const [lines, bytes] = dice.pick(ways);
  return { lines, bytes, wellFramed: false };
}

function framed(dice: Dice, body: Buffer | null): Framed {
  if (body === null) return { lines: [], bytes: Buffer.alloc(0), wellFramed: true };
  const kind = dice.below(100);
  if (kind < 86) return { lines: [['content-length', String(body.length)]], bytes: body, wellFramed: true };
  if (kind < 95) return { lines: [['transfer-encoding', 'chunked']], bytes: chunked(dice, body), wellFramed: true };
  return misframed(dice, body);
}

function shuffled<T>(dice: Dice, items: readonly T[]): T[] {
  const order = items.map((item) => ({ item, at: dice.below(1_000_000) }));
  return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
}

/** A list of models, asked for by somebody who may have it. */
function follower(index: number, { credentials }: Listener): Buffer {
  const key = credentials === undefined ? '' : `authorization: Bearer ${credentials.right}\r\n`;
  return Buffer.from(`GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n${key}x-request-id: second-${index}\r\n\r\n`);
}

/** Request number `index` of this seed; `trap` is a URL that nothing may ever call. */
export function makeMessage(index: number, listeners: readonly Listener[], trap: string): Message {
  const dice = new Dice(index);
  const listener = dice.pick(listeners);
  const address = makeAddress(dice, listener.kind === 'management', trap);
  const method = makeMethod(dice, address.method);
  const hasBody = method === 'POST' ? dice.chance(0.98) : dice.chance(method === 'GET' ? 0.05 : 0.5);
  const credential = listener.credentials === undefined ? null : makeCredential(dice, listener.credentials);
  const host = makeHost(dice, new URL(listener.url).port);
  const framing = framed(dice, hasBody ? makeBody(dice, address.operation, trap) : null);
  const extras = makeExtras(dice, trap);
  if (listener.kind === 'management' && dice.chance(0.2)) extras.lines.push(['if-none-match', '*']);
  const named = [...(credential?.lines ?? []), ...(hasBody ? makeType(dice) : []), ...framing.lines, ...extras.lines];
  const lines = [...host.lines, ...shuffled(dice, named)].map(([name, value]) => `${name}: ${value}`);
  for (const line of extras.raw) lines.splice(dice.below(lines.length + 1), 0, line);
  const version = dice.chance(0.98)
    ? 'HTTP/1.1'
    : dice.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.1 ', '', 'HTTP/9.9']);
  const head = Buffer.from(`${method} ${address.path} ${version}\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const bytes = Buffer.concat([head, framing.bytes]);
  const splits = dice.chance(0.15)
    ? Array.from({ length: dice.between(1, 4) }, () => dice.below(bytes.length)).sort((a, b) => a - b)
    : [];
  const wellFramed = framing.wellFramed && version === 'HTTP/1.1' && extras.raw.length === 0;
  // Nothing may follow a request that closes; what arrives together with one that asks for another protocol Node drops (26.10).
  const last = extras.lines.some(([name]) => name === 'upgrade' || name === 'connection');
  const pipelines = wellFramed && !last && listener.kind !== 'management';
  return {
    index,
    listener,
    bytes,
    splits,
    method,
    path: address.path,
    entitled: credential?.entitled ?? host.local,
    foreign: !host.local,
    wellFramed,
    ...(pipelines && dice.chance(0.1) ? { followedBy: follower(index, listener) } : {}),
  };
}
