import { beforeAll, describe, expect, test } from 'vitest';
import { chat } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { open, ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { startUpstream } from '../helper/upstream.ts';

// What the HTTP parser and the server refuse before the framework sees a request.

let gateway: TestGateway;

beforeAll(async () => {
  const upstream = opened(await startUpstream(chat));
  gateway = await startGateway({
    overlay: patient(upstream.url, { server: { header_timeout: '400ms', body_timeout: '900ms' } }),
  });
});

describe('refused below the framework', () => {
  const raw = async (bytes: string) => {
    const connection = await open(gateway.url);
    whenDone(() => connection.leave('fin'));
    connection.socket.write(bytes);
    return connection.until((reply) => reply.complete, 7_000);
  };

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    [
      'C7: content-length twice',
      'POST /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx',
    ],
    [
      'C7: content-length beside transfer-encoding',
      'POST /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['C7: a signed content-length', 'POST /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: +5\r\n\r\nhello'],
    ['C7: a space before the colon', 'GET /v1/models HTTP/1.1\r\nhost : a\r\n\r\n'],
    ['C7: a NUL in a header', 'GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nx: a\0b\r\n\r\n'],
    ['C7: a folded header', 'GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nx: a\r\n b\r\n\r\n'],
    ['C8: two hosts', 'GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: localhost\r\n\r\n'],
    ['C8: no host', 'GET /v1/models HTTP/1.1\r\n\r\n'],
    ['C11: CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n'],
  ])('%s is 400 in the envelope, and the connection is closed', async (_name, bytes) => {
    const connection = await open(gateway.url);
    whenDone(() => connection.leave('fin'));
    connection.socket.write(bytes);
    const reply = await connection.closed(3_000);
    expect(reply.status).toBe(400);
    expectEnvelope(reply);
  });

  test('C5: headers that do not come to an end are 408', async () => {
    const reply = await raw('GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ');
    expect(reply.status).toBe(408);
    expect(expectEnvelope(reply).code).toBe('request_timeout');
  });

  test('C5: a body that does not come to an end is 408', async () => {
    const reply = await raw(
      'POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{',
    );
    expect(reply.status).toBe(408);
    expectEnvelope(reply);
  });

  test('C11: an unknown expectation is 417', async () => {
    const reply = await request(gateway.url, { headers: { expect: 'magic' }, body: ask() });
    expect(reply.status).toBe(417);
    expectEnvelope(reply);
  });

  test('C11: an upgrade is not followed', async () => {
    const reply = await request(gateway.url, { path: '/livez', headers: { connection: 'upgrade', upgrade: 'websocket' } });
    expect(reply.status).not.toBe(101);
  });
});
