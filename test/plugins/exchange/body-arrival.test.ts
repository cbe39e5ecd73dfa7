import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BodyReader, readBody } from '../../../plugins/body.ts';
import { ask, jsonOf, open } from '../../helper/client.ts';
import { build } from './body-server.ts';

describe('a body that arrives in pieces', () => {
  const text = `\ufeff{"model":"ü","\\u006d":[{"a":"👋\\n"},-1.5e3,null,true],"long":"${'é'.repeat(40)}","stop":["\\"}"]}`;
  const bytes = Buffer.from(text);

  it('S1: is the same at every split, byte order mark included', () => {
    const whole = readBody(bytes);
    for (let at = 0; at <= bytes.length; at++) {
      const reader = new BodyReader();
      reader.push(bytes.subarray(0, at));
      reader.push(bytes.subarray(at));
      expect(reader.end()).toEqual(whole);
    }
    const reader = new BodyReader();
    for (const byte of bytes) reader.push(Buffer.from([byte]));
    expect(reader.end()).toEqual(whole);
  });

  it('I4: without a length is refused as soon as it is too large', async () => {
    const { app } = await build();
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const connection = await open(url);
    connection.send(
      Buffer.from('POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'),
    );
    const part = Buffer.alloc(50_000, 0x20);
    for (let count = 0; count < 3; count++)
      connection.socket.write(Buffer.concat([Buffer.from('c350\r\n'), part, Buffer.from('\r\n')]));
    const reply = await connection.until((each) => each.complete);
    expect([reply.status, jsonOf<{ error: { code: string } }>(reply).error.code]).toEqual([413, 'request_too_large']);
    connection.leave('fin');
  });

  it('whose caller leaves in the middle is no fault of ours, and counts no longer', async () => {
    const lines: { level: string }[] = [];
    const { app } = await build({}, { level: 'debug', stream: { write: (line: string) => void lines.push(JSON.parse(line)) } });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    for (let count = 0; count < 30; count++) {
      const connection = await open(url);
      connection.send(
        Buffer.from(
          `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99999\r\n\r\n{"a":"${'x'.repeat(50_000)}`,
        ),
      );
      await expect.poll(() => app.exchanges.open.size, { interval: 2 }).toBe(1);
      await sleep(5);
      connection.leave(count % 2 === 0 ? 'rst' : 'fin');
      await expect.poll(() => app.exchanges.open.size, { interval: 2 }).toBe(0);
    }
    expect(lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    expect((await ask(url, { path: '/', body: {} })).status).toBe(200);
  });

  it('I4: is refused for now while too many bytes are under way, and taken when they are not any more', async () => {
    const { app } = await build({}, false, 60_000);
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const first = await open(url);
    first.send(
      Buffer.from(
        `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 50002\r\n\r\n{${' '.repeat(50_000)}`,
      ),
    );
    await expect.poll(() => [...app.exchanges.open][0]?.bodyBytes, { interval: 2 }).toBe(50_001);
    const body = { text: 'x'.repeat(20_000) };
    const refused = await ask(url, { path: '/', body });
    expect([refused.status, jsonOf<{ error: { code: string } }>(refused).error.code]).toEqual([503, 'gateway_overloaded']);
    first.socket.write('}');
    expect((await first.until((each) => each.complete)).status).toBe(200);
    await expect.poll(() => app.exchanges.open.size, { interval: 2 }).toBe(0);
    expect((await ask(url, { path: '/', body })).status).toBe(200);
    first.leave('fin');
  });
});
