import { describe, expect, it } from 'vitest';
import { ask, jsonOf, open, type Reply } from '../../helper/client.ts';
import { startServer } from './server.ts';

const routes: Parameters<typeof startServer>[0] = (app) => {
  app.get('/fine', async () => ({ fine: true }));
  app.post('/fine', async () => ({ fine: true }));
};

const bytes = (text: string) => Buffer.from(text, 'latin1');
const told = (reply: Reply) => jsonOf<{ error: { code: string; type: string; param: null; message: string } }>(reply).error;

describe('what the HTTP parser refuses', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['an unknown method', 'BREW /fine HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['C7: a length that is no number', 'POST /fine HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nhello'],
    ['C7: two lengths', 'POST /fine HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello'],
    [
      'C7: a length and chunks',
      'POST /fine HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['C7: a blank before the colon', 'GET /fine HTTP/1.1\r\nhost : a\r\n\r\n'],
    ['C7: a folded header', 'GET /fine HTTP/1.1\r\nhost: a\r\nx: b\r\n c\r\n\r\n'],
    ['C7: NUL in a header', 'GET /fine HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n'],
    ['C7: a bare LF', 'GET /fine HTTP/1.1\nhost: a\n\n'],
    ['a blank in the path', 'GET /fi ne HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['C11: CONNECT', 'CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n'],
  ])('%s gets 400 in the envelope and the connection is closed', async (_name, text) => {
    const { url } = await startServer(routes);
    const connection = await open(url);
    connection.send(bytes(text));
    const reply = await connection.closed();
    expect([reply.status, told(reply).code, told(reply).type, told(reply).param]).toEqual([
      400,
      'invalid_http',
      'invalid_request_error',
      null,
    ]);
    expect(reply.headers).toMatchObject({ connection: 'close', 'x-should-retry': 'false', 'cache-control': 'no-store' });
    expect(reply.complete).toBe(true);
  });

  it('C9: headers that are too large get 431', async () => {
    const { url } = await startServer(routes);
    const reply = await ask(url, { path: '/fine', headers: { 'x-large': 'y'.repeat(5_000) } });
    expect([reply.status, told(reply).code]).toEqual([431, 'header_too_large']);
  });

  it.each([
    ['headers', 'GET /fine HTTP/1.1\r\nhost: a\r\n'],
    ['body', 'POST /fine HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{'],
  ])('C5: %s that do not arrive in time get 408', async (_name, text) => {
    const { app, url } = await startServer(routes, { header_timeout: 50, body_timeout: 60 });
    const connection = await open(url);
    connection.send(bytes(text));
    const reply = await connection.closed();
    expect([reply.status, told(reply).code, reply.headers.connection]).toEqual([408, 'request_timeout', 'close']);
    expect(app.server.listening).toBe(true);
  });

  it('is not answered into an answer that is already under way', async () => {
    const { url } = await startServer((app) => {
      app.get('/slow', (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { 'content-type': 'text/plain' });
        reply.raw.write('first part');
      });
    });
    const connection = await open(url);
    connection.send({ path: '/slow' });
    await connection.saw('first part');
    connection.socket.write('garbage\r\n\r\n');
    const reply = await connection.closed();
    expect(connection.raw.toString().match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect([reply.status, reply.complete]).toEqual([200, false]);
  });
});

describe('C11: odd requests', () => {
  it('an expectation that is not known gets 417 in the envelope and the connection is closed', async () => {
    const { url } = await startServer(routes);
    const connection = await open(url);
    connection.send({ path: '/fine', headers: { expect: 'the-impossible' } });
    const reply = await connection.closed();
    expect([reply.status, told(reply).code]).toEqual([417, 'expectation_failed']);
    expect(reply.headers).toMatchObject({ connection: 'close', 'x-should-retry': 'false' });
  });

  it('Expect: 100-continue is answered, then the request', async () => {
    const { url } = await startServer(routes);
    const connection = await open(url);
    connection.send(
      bytes(
        'POST /fine HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n',
      ),
    );
    await expect.poll(() => connection.raw.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    connection.socket.write('{}');
    await expect.poll(() => connection.raw.toString()).toContain('HTTP/1.1 200 OK');
    connection.leave('fin');
  });

  it('Upgrade is not followed', async () => {
    const { url } = await startServer(routes);
    const reply = await ask(url, {
      path: '/fine',
      headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' },
    });
    expect(reply.status).toBe(200);
  });
});
