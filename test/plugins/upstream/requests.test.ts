import { describe, expect, it } from 'vitest';
import { opened } from '../../helper/cleanup.ts';
import { turn } from '../../helper/http-request.ts';
import { answer, json, rawBytes } from '../../helper/replies.ts';
import { startUpstream } from '../../helper/upstream.ts';
import { failureOf, providerAt, startSender } from './sender.ts';

const ok = json(200, { fine: true });

describe('what goes out', () => {
  it('is the request as given, with the host of the base URL, a length and a via header, and nothing else', async () => {
    const server = opened(await startUpstream(ok));
    const sender = await startSender();
    const body = Buffer.from('{"model":"ü"}');
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' };
    await sender.send(providerAt(server.url), { path: '/v1/chat?a=b', headers, body });
    const call = server.calls[0]!;
    expect(`${call.method} ${call.path}`).toBe('POST /v1/chat?a=b');
    expect(call.body).toEqual(body);
    expect(call.headers).toEqual({
      ...headers,
      host: `127.0.0.1:${server.port}`,
      connection: 'keep-alive',
      'content-length': '14',
      via: expect.stringMatching(/^1\.1 postern-[0-9a-f]{12}$/),
    });
  });

  it('is a GET without a body where there is none', async () => {
    const server = opened(await startUpstream(ok));
    await (await startSender()).send(providerAt(server.url), { method: 'GET', path: '/v1/models', body: null });
    expect(server.calls[0]!.head).toMatch(/^GET \/v1\/models HTTP\/1\.1\r\n/);
    expect(server.calls[0]!.headers['content-length']).toBeUndefined();
  });

  it('goes to the origin of the base URL whatever the path says', async () => {
    const server = opened(await startUpstream(ok));
    for (const path of ['//evil.test/x', '/\\evil.test', '/@evil.test/', '/v1/../../x']) {
      await (await startSender()).send(providerAt(server.url), { path });
      expect(server.calls.at(-1)!.path).toBe(path);
    }
  });

  it('adds its name to a via header that came with the request', async () => {
    const server = opened(await startUpstream(ok));
    await (await startSender()).send(providerAt(server.url), {}, '1.1 proxy');
    expect(server.calls[0]!.headers.via).toMatch(/^1\.1 proxy, 1\.1 postern-[0-9a-f]{12}$/);
  });

  it('C13: is not sent with a header that holds a line break', async () => {
    const server = opened(await startUpstream(ok));
    const { how, sent } = await (await startSender()).send(providerAt(server.url), { headers: { 'x-a': 'a\r\nx-b: c' } });
    expect(failureOf(how)).toMatchObject({ reason: 'connect', unsent: true });
    expect([sent, server.connections()]).toEqual([false, 0]);
  });

  it('uses one socket again for the next request', async () => {
    const server = opened(await startUpstream(ok));
    const sender = await startSender();
    const provider = providerAt(server.url);
    await sender.send(provider);
    await turn();
    await sender.send(provider);
    expect(server.calls.map((call) => call.socket)).toEqual([0, 0]);
  });

  it('opens no more sockets than configured; the others wait unsent', async () => {
    const server = opened(await startUpstream(answer('x', { wait: 30 })));
    const sender = await startSender();
    const provider = providerAt(server.url, { connections: 2 });
    const all = Array.from({ length: 5 }, () => sender.start(provider));
    await server.arrived(2);
    expect(all.map(({ call }) => call.sent)).toEqual([true, true, false, false, false]);
    for (const { answer: each } of all) expect(await each.over).toBe('end');
    expect(server.connections()).toBe(2);
  });
});

describe('loops', () => {
  it('recognises its own name anywhere in a via header, and no other', async () => {
    const server = opened(await startUpstream(ok));
    const [one, other] = [await startSender(), await startSender()];
    await one.send(providerAt(server.url));
    const { via } = server.calls[0]!.headers;
    expect(one.app.upstream.isLoop(via)).toBe(true);
    expect(one.app.upstream.isLoop(`1.0 a, ${via}, 1.1 b`)).toBe(true);
    expect(other.app.upstream.isLoop(via)).toBe(false);
    expect(one.app.upstream.isLoop('1.1 postern')).toBe(false);
    expect(one.app.upstream.isLoop(undefined)).toBe(false);
  });
});

describe('what comes back', () => {
  it('is heard in order: sent, head, data, end', async () => {
    const server = opened(await startUpstream(ok));
    const { heard, head, body } = await (await startSender()).send(providerAt(server.url));
    expect(heard).toEqual(['sent', 'head 200', 'data', 'end']);
    expect(head!.headers['content-type']).toBe('application/json');
    expect(body.toString()).toBe('{"fine":true}');
  });

  it.each([301, 302, 303, 307, 308])('U15: a redirect is an answer, never followed: %i', async (status) => {
    const elsewhere = opened(await startUpstream(ok));
    const server = opened(await startUpstream(answer('', { status, headers: { location: elsewhere.url } })));
    const { how, head } = await (await startSender()).send(providerAt(server.url));
    expect([how, head!.status]).toEqual(['end', status]);
    expect(elsewhere.connections()).toBe(0);
  });

  it.each(['HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n', 'HTTP/1.1 102 Processing\r\n\r\n'])(
    'U14: %j before the answer is swallowed',
    async (early) => {
      const server = opened(
        await startUpstream(rawBytes(`${early}${early}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi`, 'keep')),
      );
      const { how, heard, body } = await (await startSender()).send(providerAt(server.url));
      expect([how, heard, body.toString()]).toEqual(['end', ['sent', 'head 200', 'data', 'end'], 'hi']);
    },
  );

  it('U14: a bare 101 is a failure and nothing is upgraded', async () => {
    const server = opened(
      await startUpstream(rawBytes('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 'never')),
    );
    const { how, head } = await (await startSender()).send(providerAt(server.url));
    expect(failureOf(how).unsent).toBe(false);
    expect(head).toBeNull();
    await expect.poll(() => server.open()).toBe(0);
  });

  it('U13: a second answer that nobody asked for is not taken for the next one', async () => {
    const server = opened(
      await startUpstream((call, wire) =>
        wire.send(call.number === 0 ? `${whole('first')}${whole('injected')}` : whole(`answer ${call.number}`)),
      ),
    );
    const sender = await startSender();
    const provider = providerAt(server.url);
    const first = await sender.send(provider);
    await turn();
    const second = await sender.send(provider);
    expect([first.body.toString(), second.body.toString()]).toEqual(['first', 'answer 1']);
  });

  it.each([204, 304])('a status without a body (%i) ends', async (status) => {
    const server = opened(await startUpstream(rawBytes(`HTTP/1.1 ${status} X\r\n\r\n`, 'keep')));
    const { how, heard } = await (await startSender()).send(providerAt(server.url));
    expect([how, heard]).toEqual(['end', ['sent', `head ${status}`, 'end']]);
  });

  it('A16: header names like __proto__ pollute nothing', async () => {
    const server = opened(
      await startUpstream(
        rawBytes(
          'HTTP/1.1 200 OK\r\n__proto__: polluted\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 0\r\n\r\n',
          'keep',
        ),
      ),
    );
    const { head } = await (await startSender()).send(providerAt(server.url));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(head!.headers)).not.toBe('polluted');
    expect(head!.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });
});

const whole = (text: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
