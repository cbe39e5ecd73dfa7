import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../plugins/body.ts';
import { GatewayError } from '../../plugins/errors/index.ts';
import { build, json, post } from './exchange/body-server.ts';
import { fastest, timed } from './upstream/fastest.ts';

describe('a good body', () => {
  it.each([
    '{"model":"a"}',
    ' \n{ "model" : "a" , "n":1e2,"x":[1, {"y" : null}] }\t\r\n',
    '{"model":"a","text":"\\u00fc ü 👋 \\ud83d"}',
    '{"n":9007199254740993,"z":-0,"big":1E400}',
    '{}',
  ])('reaches the handler byte for byte: %s', async (text) => {
    const { status, received } = await post(text);
    expect(status).toBe(200);
    expect(received!.bytes.equals(Buffer.from(text))).toBe(true);
    expect(received!.json).toEqual(JSON.parse(text));
  });

  it('I5: loses a byte order mark and nothing else', async () => {
    const { received } = await post(Buffer.from('\ufeff{"model":"\ufeff"}'));
    expect(received!.bytes.toString()).toBe('{"model":"\ufeff"}');
  });

  it('comes with the offsets of its members', async () => {
    const { received } = await post('{"a":1,"b" : {"c":2}}');
    const text = received!.bytes.toString();
    expect(received!.members.map(({ key, valueStart, valueEnd }) => [key, text.slice(valueStart, valueEnd)])).toEqual([
      ['a', '1'],
      ['b', '{"c":2}'],
    ]);
  });

  it('is any JSON object: bytes, value and members agree', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), fc.constantFrom(0, 2), (value, indent) => {
        fc.pre(!Object.hasOwn(value, '__proto__') && !Object.hasOwn(value, 'constructor'));
        const text = JSON.stringify(value, null, indent);
        fc.pre(!text.includes('__proto__'));
        const read = readBody(Buffer.from(text));
        expect(read.bytes.toString()).toBe(text);
        expect(read.json).toEqual(JSON.parse(text));
        for (const { key, valueStart, valueEnd } of read.members) {
          expect(JSON.parse(read.bytes.toString('utf8', valueStart, valueEnd))).toEqual(read.json[key]);
        }
        expect(read.members.map(({ key }) => key).sort()).toEqual(Object.keys(read.json).sort());
      }),
    );
  });

  it('I6: may talk about __proto__ and constructor in its values, and name a field constructor', async () => {
    const text = '{"text":"__proto__ constructor prototype","constructor":"Bob","b":{"constructor":{"name":1}},"\\u0061":1}';
    expect((await post(text)).status).toBe(200);
  });
});

describe('I1: a body that is no JSON object', () => {
  it.each([
    '',
    ' ',
    '{',
    '{"a":1',
    '{"a":1}}',
    "{'a':1}",
    '{"a":1,}',
    '{a:1}',
    'NaN',
    '{"a":NaN}',
    'null',
    '[]',
    '[{"a":1}]',
    '"text"',
    '5',
    'true',
    '\0',
    '{"a":"\n"}',
    '{"a":"\\x"}',
  ])('%j is refused as invalid_json without an echo', async (text) => {
    const { status, error, text: reply } = await post(text);
    expect([status, error!.code, error!.param]).toEqual([400, 'invalid_json', null]);
    expect(reply).not.toMatch(/SyntaxError|position|node_modules/);
  });

  it('is refused when the request has none at all, with and without a type', async () => {
    const schema = { body: { type: 'object', required: ['model'] } };
    for (const headers of [json, {}]) {
      const { status, error } = await post(undefined, headers as Record<string, string>, schema);
      expect([status, error!.code]).toEqual([400, 'invalid_json']);
    }
  });
});

describe('I2: keys sent twice', () => {
  it.each([
    '{"model":"a","model":"b"}',
    '{"stream":true,"a":1,"stream":false}',
    '{"model":"a","\\u006dodel":"b"}',
    '{"":1,"":2}',
  ])('%s are refused by name', async (text) => {
    const { status, error } = await post(text);
    expect([status, error!.code]).toEqual([400, 'duplicate_key']);
    expect(error!.message).toContain(`"${error!.param}"`);
  });

  it('in different objects are no duplicates', async () => {
    expect((await post('{"a":{"x":1},"b":{"x":1},"x":1}')).status).toBe(200);
  });
});

describe('I5: bytes that are not UTF-8', () => {
  it.each([
    ['a lone continuation byte', Buffer.from([0x7b, 0x22, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
    ['an overlong slash', Buffer.from('7b22c0af223a317d', 'hex')],
    ['a surrogate', Buffer.from('7b22eda080223a317d', 'hex')],
    ['a sequence cut off', Buffer.from('7b2261223a22f09f22', 'hex')],
    ['Latin-1', Buffer.from('{"a":"\u00fc"}', 'latin1')],
    ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le')],
    ['beyond U+10FFFF', Buffer.from('7b22f4908080223a317d', 'hex')],
  ])('%s are refused', async (_name, bytes) => {
    const { status, error } = await post(bytes);
    expect([status, error!.code]).toEqual([400, 'invalid_json']);
    expect(error!.message).toContain('UTF-8');
  });
});

describe('I6: keys that change prototypes', () => {
  it.each([
    '{"__proto__":{"admin":true}}',
    '{"\\u005f_proto__":{"admin":true}}',
    '{"\\u005F\\u005Fproto\\u005f\\u005f":1}',
    '{"tools":[{"function":{"parameters":{"__proto__":{}}}}]}',
    '{"metadata":{"constructor":{"prototype":{"x":1}}}}',
    '{"a":[[[{"\\u0063onstructor":{"\\u0070rototype":1}}]]]}',
  ])('%s is refused', async (text) => {
    const { status, error } = await post(text);
    expect([status, error!.code]).toEqual([400, 'invalid_json']);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });
});

describe('I3: nesting', () => {
  it.each([
    ['arrays', '[', ']', '1'],
    ['objects', '{"a":', '}', '1'],
    ['objects that ask for the walk over all keys', '{"a":', '}', '"__proto__"'],
  ])('of 100,000 %s is refused in milliseconds', async (_name, open, close, core) => {
    const bytes = Buffer.from(`{"x":${open.repeat(100_000)}${core}${close.repeat(100_000)}}`);
    expect(() => readBody(bytes)).toThrow(/nested more than 128 levels/);
    expect(await fastest(20, () => timed(() => expect(() => readBody(bytes)).toThrow(GatewayError)))).toBeLessThan(20);
  });

  it('as deep as schemas of tools go is taken', async () => {
    expect((await post(`{"x":${'{"a":['.repeat(50)}1${']}'.repeat(50)}}`)).status).toBe(200);
  });
});

describe('I8: content types', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json; charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json ; charset = utf-8',
    'application/json;',
    'application/vnd.api+json',
    'application/problem+json; charset=utf-8',
  ])('%s is JSON', async (type) => {
    expect((await post('{}', { 'content-type': type })).status).toBe(200);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-seq',
    'application/jsonx',
    'xapplication/json',
    'application/json, text/plain',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/json; charset=utf-8x',
    'application/json garbage',
    'text/plain; application/json',
    'json',
    '*/*',
  ])('%s is refused', async (type) => {
    const { status, error, received } = await post('{}', { 'content-type': type });
    expect([status, error!.code, received]).toEqual([415, 'unsupported_media_type', undefined]);
    expect(error!.message).toContain('content-type: application/json');
  });

  it('none is refused when there is a body', async () => {
    const { status, error } = await post('{}', {});
    expect([status, error!.code]).toEqual([415, 'unsupported_media_type']);
  });

  it.each([
    `application/json${' '.repeat(15_000)}x`,
    `application/${'+'.repeat(15_000)}`,
    `application/json;${' '.repeat(15_000)}charset=${' '.repeat(100)}x`,
    `application/${'a+'.repeat(7_500)}`,
  ])('security 29: a hostile one costs less than 10 ms (%#)', async (type) => {
    const { app } = await build();
    let run = 0;
    const took = await fastest(10, async () => {
      const before = performance.now();
      // Another text each time: the framework remembers what it has read.
      const reply = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': `${type}${run++}` }, payload: '{}' });
      expect(reply.statusCode).toBe(415);
      return performance.now() - before;
    });
    expect(took).toBeLessThan(10);
  });
});

describe('I9: compressed bodies', () => {
  it.each([
    ['gzip', gzipSync('{"model":"a"}')],
    ['deflate', deflateSync('{"model":"a"}')],
    ['br', brotliCompressSync('{"model":"a"}')],
    ['gzip', Buffer.from('{"model":"a"}')],
    ['gzip, gzip', gzipSync(gzipSync('{}'))],
    ['gzip', gzipSync(Buffer.alloc(10_000_000))],
    ['unheard-of', Buffer.from('{}')],
  ])('%s is not taken and never decompressed', async (encoding, payload) => {
    const { status, error, received } = await post(payload, { ...json, 'content-encoding': encoding });
    expect([status, error!.code, received]).toEqual([415, 'unsupported_media_type', undefined]);
    expect(error!.message).toContain('content-encoding');
  });

  it('identity is no compression', async () => {
    expect((await post('{}', { ...json, 'content-encoding': 'identity' })).status).toBe(200);
  });
});

describe('the size', () => {
  it('I4: beyond the limit is 413', async () => {
    const { status, error } = await post(`{"a":"${'x'.repeat(100_000)}"}`);
    expect([status, error!.code]).toEqual([413, 'request_too_large']);
  });

  it('I4: at the limit is taken', async () => {
    expect((await post(`{"a":"${'x'.repeat(100_000 - 8)}"}`)).status).toBe(200);
  });
});

it('any bytes are either read or refused in our own words', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        readBody(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
        expect((error as GatewayError).status).toBe(400);
      }
    }),
  );
});
