import type { Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decoderFor } from '../../../plugins/upstream/decode.ts';
import { opened } from '../../helper/cleanup.ts';
import { answer, framed, headOf, rawBytes } from '../../helper/replies.ts';
import { startUpstream } from '../../helper/upstream.ts';
import { failureOf, providerAt, startSender } from './sender.ts';

const encoders = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
} as const;
const streams: readonly (readonly [string, () => Transform, number])[] = [
  ['gzip', createGzip, constants.Z_SYNC_FLUSH],
  ['deflate', createDeflate, constants.Z_SYNC_FLUSH],
  ['br', createBrotliCompress, constants.BROTLI_OPERATION_FLUSH],
  ['zstd', createZstdCompress, constants.ZSTD_e_flush],
];
const text = JSON.stringify({ text: 'Grüße 👋 '.repeat(5_000) });

async function receive(script: Parameters<typeof startUpstream>[0]) {
  const server = opened(await startUpstream(script));
  return { server, heard: await (await startSender()).send(providerAt(server.url)) };
}

describe('U16: compressed answers', () => {
  it.each(Object.entries(encoders))('%s is decoded', async (encoding, encode) => {
    const { heard } = await receive(
      answer(encode(Buffer.from(text)), { framing: 'chunked', headers: { 'content-encoding': encoding } }),
    );
    expect(heard.how).toBe('end');
    expect(heard.body.toString()).toBe(text);
  });

  it.each(Object.entries(encoders))('%s is decoded when it comes in single bytes', async (encoding, encode) => {
    const { heard } = await receive(
      answer(encode(Buffer.from('data: {}\n\n')), { framing: 'chunked', piece: 1, headers: { 'content-encoding': encoding } }),
    );
    expect([heard.how, heard.body.toString()]).toEqual(['end', 'data: {}\n\n']);
  });

  it.each(streams)('%s events arrive as they are sent, not at the end', async (encoding, create, flush) => {
    const encoder = create();
    const pieces: Buffer[] = [];
    encoder.on('data', (piece: Buffer) => pieces.push(piece));
    const encoded = (event: string) =>
      new Promise<Buffer>((resolve) => {
        encoder.write(event);
        (encoder as ReturnType<typeof createGzip>).flush(flush, () => resolve(Buffer.concat(pieces.splice(0))));
      });
    const server = opened(
      await startUpstream(async (_call, wire) => {
        await wire.send(headOf(200, 'chunked', 0, { 'content-encoding': encoding, 'content-type': 'text/event-stream' }));
        await wire.send(framed(await encoded('data: 1\n\n'), 'chunked'));
        await sleep(10);
        await wire.send(framed(await encoded('data: 2\n\n'), 'chunked'));
        await wire.gone;
      }),
    );
    const { call, answer: heard } = (await startSender()).start(providerAt(server.url));
    await expect.poll(() => heard.body.toString()).toBe('data: 1\n\ndata: 2\n\n');
    call.abort();
  });

  it.each(['identity', ''])('content-encoding %j is no encoding', async (encoding) => {
    const { heard } = await receive(answer(text, { headers: { 'content-encoding': encoding } }));
    expect(heard.body.toString()).toBe(text);
  });

  it('names are read without regard to case and blanks', () => {
    expect(decoderFor(' GZip ')).not.toBeUndefined();
  });
});

describe('U17: answers that are not what their encoding says', () => {
  it.each(Object.keys(encoders))('%s over plain bytes fails and closes the socket', async (encoding) => {
    const script = rawBytes(`HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: 999999\r\n\r\n${text}`, 'never');
    const { server, heard } = await receive(script);
    expect(failureOf(heard.how)).toMatchObject({ reason: 'protocol', unsent: false });
    expect(heard.body.length).toBe(0);
    await expect.poll(() => server.open()).toBe(0);
  });

  it.each(Object.entries(encoders))('%s cut short fails', async (encoding, encode) => {
    const bytes = encode(Buffer.from(text));
    const { heard } = await receive(answer(bytes.subarray(0, bytes.length - 9), { headers: { 'content-encoding': encoding } }));
    expect(failureOf(heard.how).reason).toBe('protocol');
  });

  it.each(['gzip, gzip', 'gzip,br', `${'gzip, '.repeat(50)}gzip`, 'compress', 'aes128gcm', 'constructor', '__proto__'])(
    'the encoding %j is not taken',
    async (encoding) => {
      const { server, heard } = await receive(answer(gzipSync(text), { headers: { 'content-encoding': encoding } }));
      expect(failureOf(heard.how)).toMatchObject({ reason: 'protocol', unsent: false });
      expect(heard.head).toBeNull();
      await expect.poll(() => server.open()).toBe(0);
    },
  );

  it('two encoding headers are not taken', async () => {
    const { heard } = await receive(
      rawBytes('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi', 'keep'),
    );
    expect(failureOf(heard.how).reason).toBe('protocol');
  });

  it('a bomb is read no further than the listener wants', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    const server = opened(await startUpstream(answer(bomb, { headers: { 'content-encoding': 'gzip' } })));
    const { call, answer: heard } = (await startSender()).start(providerAt(server.url));
    let size = 0;
    const enough = new Promise<void>((resolve) => {
      heard.onChunk = (chunk) => {
        heard.chunks.length = 0;
        size += chunk.length;
        if (size < 1024 * 1024) return;
        call.abort();
        resolve();
      };
    });
    await enough;
    await sleep(50);
    expect(size).toBeLessThan(2 * 1024 * 1024);
    expect(heard.heard).not.toContain('end');
  });
});
