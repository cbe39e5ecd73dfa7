import type { Dice } from './dice.ts';

// Header lines of requests: credentials in every form, types and encodings, and whatever else a caller may come up with.

export type HeaderLine = readonly [name: string, value: string];

export interface Credentials {
  /** The key that is right here. */
  readonly right: string;
  /** A key that is right elsewhere only. */
  readonly elsewhere: string;
}

/** Header lines with a key, and whether the caller may be let in with them. */
export function makeCredential(
  dice: Dice,
  { right, elsewhere }: Credentials,
): { lines: readonly HeaderLine[]; entitled: boolean } {
  const kind = dice.below(100);
  const let_in = (...lines: HeaderLine[]) => ({ lines, entitled: true });
  const keep_out = (...lines: HeaderLine[]) => ({ lines, entitled: false });
  if (kind < 72) return let_in(['authorization', `Bearer ${right}`]);
  if (kind < 76) return let_in(['x-api-key', right]);
  if (kind < 79) return let_in(['api-key', right]);
  if (kind < 81) return let_in(['AUTHORIZATION', `bEaReR  ${right}  `]);
  if (kind < 83) return let_in(['authorization', `Bearer ${right}`], ['authorization', 'Bearer other']);
  if (kind < 85) return let_in(['x-api-key', 'wrong'], ['authorization', `Bearer ${right}`]);
  if (kind < 88) return keep_out();
  return dice.pick([
    keep_out(['authorization', `Bearer ${elsewhere}`]),
    keep_out(['authorization', `Basic ${Buffer.from(`:${right}`).toString('base64')}`]),
    keep_out(['authorization', right]),
    keep_out(['authorization', `Bearer ${right.slice(0, -1)}`]),
    keep_out(['authorization', `Bearer ${right}x`]),
    keep_out(['authorization', `Bearer ${right.toLowerCase()}`]),
    keep_out(['authorization', 'Bearer']),
    keep_out(['authorization', 'Bearer  ']),
    keep_out(['authorization', '']),
    keep_out(['authorization', `Bearer a b ${right}`]),
    keep_out(['authorization', `Bearer \u00e9${right}`]),
    keep_out(['authorization', `Bearer ${'x'.repeat(9_000)}`]),
    keep_out(['x-api-key', '']),
    keep_out(['x-api-key', 'a'], ['x-api-key', 'b']),
    keep_out(['cookie', `key=${right}`]),
    keep_out(['x-goog-api-key', right]),
    keep_out(['proxy-authorization', `Bearer ${right}`]),
    keep_out(['__proto__', right]),
  ]);
}

const types = [
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'application/json;',
  'application/problem+json',
  'application/json; charset=utf-16',
  'application/json; charset="utf-8"',
  'application/json; boundary=x',
  'application/json x',
  'application/json, text/plain',
  '\tapplication/json',
  ' application/json ',
  'application/jsonp',
  'text/plain',
  'text/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'json',
  '',
  '/',
  '*/*',
  ';',
  'application/',
  `application/json; a=${'b'.repeat(2_000)}`,
  `${'a'.repeat(5_000)}/json`,
  'application/json; charset=\u00fc',
];

export function makeType(dice: Dice): readonly HeaderLine[] {
  const kind = dice.below(100);
  if (kind < 90) return [['content-type', 'application/json']];
  if (kind < 91) return [];
  if (kind < 92)
    return [
      ['content-type', 'application/json'],
      ['content-type', 'text/plain'],
    ];
  return [['content-type', dice.pick(types)]];
}

/** `host` lines, and whether every reader must take them for this machine. */
export function makeHost(dice: Dice, port: string): { lines: readonly HeaderLine[]; local: boolean } {
  const kind = dice.below(100);
  const line = (value: string): HeaderLine => ['host', value];
  if (kind < 92)
    return {
      lines: [line(dice.pick([`127.0.0.1:${port}`, 'localhost', `LOCALHOST:${port}`, '[::1]', '127.9.9.9']))],
      local: true,
    };
  const odd = [
    'evil.test',
    '',
    'a/?x',
    '127.0.0.1@evil.test',
    '127.0.0.1.evil.test',
    'localhost.evil.test',
    '127.0.0.1:99999999',
    '0x7f.1',
    '169.254.169.254',
    'evil.test#127.0.0.1',
    `${'a'.repeat(3_000)}.test`,
    'ev\u00efl.test',
    '[::1',
  ];
  if (kind < 98) return { lines: [line(dice.pick(odd))], local: false };
  if (kind < 99) return { lines: [], local: false };
  return { lines: [line('127.0.0.1'), line('evil.test')], local: false };
}

/** What a caller may try to choose the upstream, the framing or the reply with. `trap`: a URL nothing may call. */
function extras(dice: Dice, trap: string): readonly HeaderLine[] {
  const pairs: readonly HeaderLine[] = [
    ['x-request-id', 'caller-77'],
    ['x-request-id', 'not well-formed \u00e9'],
    ['x-request-id', 'y'.repeat(65)],
    ['x-postern-timeout', '30s'],
    ['x-postern-timeout', '1ms'],
    ['x-postern-timeout', '99999999999999d'],
    ['x-postern-timeout', '-1'],
    ['x-postern-timeout', '1e3s'],
    ['x-postern-timeout', '\u0661s'],
    ['x-postern-timeout', ''],
    ['x-postern-metadata', '{"team":"a","n":1,"b":true}'],
    ['x-postern-metadata', '{"__proto__":"x","constructor":"y"}'],
    ['x-postern-metadata', '{"a":{"b":1}}'],
    ['x-postern-metadata', `{"a":"${'b'.repeat(600)}"}`],
    ['x-postern-metadata', JSON.stringify(Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, index])))],
    ['x-postern-metadata', '[1]'],
    ['x-postern-metadata', '\u00ff{'],
    ['x-postern-provider', 'other'],
    ['x-postern-provider-key', 'up sk-callers-own-key-000000'],
    ['x-postern-base-url', trap],
    ['x-postern-config', '{"provider":"other"}'],
    ['x-postern-exchange-id', 'ex_forged'],
    ['x-postern-cost-usd', '-1'],
    ['x-portkey-custom-host', trap],
    ['x-forwarded-for', '203.0.113.9'],
    ['x-forwarded-host', 'evil.test'],
    ['x-forwarded-proto', 'ftp'],
    ['forwarded', `for=203.0.113.9;host=evil.test`],
    ['x-http-method-override', 'DELETE'],
    ['x-original-url', '/admin/v1/config'],
    ['x-rewrite-url', '/admin/v1/config'],
    ['via', '1.1 proxy'],
    ['via', `1.1 ${'p'.repeat(3_000)}`],
    ['via', '\u00ff\u0080'],
    ['cookie', 'a=b; c=d'],
    ['set-cookie', 'a=b'],
    ['origin', 'https://app.test'],
    ['origin', 'null'],
    ['access-control-request-method', 'POST'],
    ['access-control-request-headers', 'authorization, x-injected'],
    ['if-none-match', '*'],
    ['range', 'bytes=0-0'],
    ['te', 'trailers'],
    ['trailer', 'x-injected'],
    ['connection', 'close, x-injected, authorization'],
    ['connection', 'upgrade'],
    ['upgrade', 'h2c'],
    ['http2-settings', 'AAMAAABkAAQAAP__'],
    ['keep-alive', 'timeout=1'],
    ['proxy-connection', 'keep-alive'],
    ['expect', '100-continue'],
    ['expect', 'something-else'],
    ['content-encoding', dice.pick(['gzip', 'br', 'identity', 'deflate, gzip', '', 'x'])],
    ['accept', dice.pick(['text/html', 'text/event-stream', '*/*;q=0', ''])],
    ['accept-encoding', 'gzip, br, zstd'],
    ['user-agent', '<script>alert(1)</script>'],
    ['openai-organization', 'org-x'],
    ['openai-beta', 'x'],
    ['host-override', 'evil.test'],
    ['__proto__', 'polluted'],
    ['__PROTO__', 'polluted'],
    ['constructor', 'polluted'],
    ['prototype', 'x'],
    ['toString', 'x'],
    ['x_api_key', 'x'],
    ['x-long', 'v'.repeat(7_000)],
    ['x-longer', 'v'.repeat(20_000)],
    ['x-latin', '\u00e9\u00ff\u0080'],
    ['x-tab', 'a\tb'],
    ['x-empty', ''],
    ['n'.repeat(500), 'x'],
  ];
  return [dice.pick(pairs)];
}

/** Lines the parser has to refuse, or read as one value and nothing else. */
const malformed: readonly string[] = [
  'x-fold: a\r\n b',
  'x-space : a',
  ': no name',
  'no colon',
  'x-nul: a\0b',
  'x-bare: a\rb',
  'x-lf: a\nx-injected: 1',
  'x-\u00e9: a',
  'x-(): a',
  '\tx-tab: a',
  'x-ctl: \u0007',
  'content-length : 1',
];

/** More header lines; `raw` ones are complete and may be no header at all. */
export function makeExtras(dice: Dice, trap: string): { lines: HeaderLine[]; raw: string[] } {
  const lines: HeaderLine[] = [];
  for (let count = dice.pick([0, 0, 0, 1, 1, 2, 4]); count > 0; count--) lines.push(...extras(dice, trap));
  if (dice.chance(0.005)) for (let at = 0; at < dice.pick([120, 990, 1_100]); at++) lines.push([`x-many-${at}`, '1']);
  return { lines, raw: dice.chance(0.02) ? [dice.pick(malformed)] : [] };
}
