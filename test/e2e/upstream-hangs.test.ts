import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { beforeEach, expect, test, vi } from 'vitest';
import { chat } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, inPriority, patient, provider } from '../helper/overlay.ts';
import { startUpstream } from '../helper/upstream.ts';
import { makeCertificate } from '../plugins/upstream/certificate.ts';

// An upstream that cannot be reached or does not take the request: names, certificates, a server that stops reading.

const names = vi.hoisted(() => ({ pending: 0 }));

// A name service of this file: `slow.test` never answers, `nowhere.test` does not exist, the rest is as it is.
vi.mock('node:dns', async (original) => {
  const dns = await original<typeof import('node:dns')>();
  const lookup = (name: string, options: object, callback: (...result: unknown[]) => void) => {
    if (name === 'slow.test') names.pending++;
    else if (name === 'nowhere.test') callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), []);
    else dns.lookup(name, options as never, callback as never);
  };
  return { ...dns, default: { ...dns, lookup }, lookup };
});

const timeouts = { connect: '1s', first_byte: '400ms', first_content: '500ms', idle: '400ms', total: '5s' };

beforeEach(() => {
  names.pending = 0;
});

test('U2: a name that does not resolve is hidden by the second target, and told as 502 by the only one', async () => {
  const good = opened(await startUpstream(chat));
  const pair = await startGateway({ overlay: inPriority({ bad: 'http://nowhere.test/v1', good: good.url }) });
  const hidden = await request(pair.url, { body: ask() });
  expect(hidden).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'good', 'x-postern-attempts': '2' } });
  expect((await pair.ledgerRows(2))[0]).toMatchObject({ reason: 'connect', unsent: 1, usage_source: 'none' });

  const alone = await startGateway({ overlay: patient('http://nowhere.test/v1') });
  const told = await request(alone.url, { body: ask() });
  expect(told.status).toBe(502);
  expect(expectEnvelope(told).message).not.toContain('nowhere.test');
});

test('U2: a name service that hangs costs the connect timeout, one lookup for all callers, and no other provider anything', async () => {
  const good = opened(await startUpstream(chat));
  const overlay = inPriority({ slow: 'http://slow.test/v1', good: good.url }, { timeouts }) as { models: { m: object } };
  const direct = { targets: [{ provider: 'good', model: 'up-1' }] };
  const gateway = await startGateway({ overlay: { ...overlay, models: { ...overlay.models, direct } } });
  const began = performance.now();
  const waiting = Array.from({ length: 5 }, () => request(gateway.url, { body: ask() }));
  const other = await request(gateway.url, { body: ask({ model: 'direct' }) });
  expect(other.status).toBe(200);
  expect(performance.now() - began).toBeLessThan(700);
  for (const reply of await Promise.all(waiting)) {
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'good' } });
  }
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(names.pending).toBe(1);
});

test('U4: a certificate nobody vouches for is 502 without its details, and no key is sent', async () => {
  const certificate = opened(makeCertificate('127.0.0.1'));
  let received = 0;
  const server = createTlsServer({ key: certificate.key, cert: certificate.cert }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received += bytes.length;
    });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  whenDone(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as { port: number };
  const gateway = await startGateway({ overlay: patient(`https://127.0.0.1:${port}/v1`) });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(502);
  expect(expectEnvelope(reply)).toMatchObject({ type: 'server_error', code: 'upstream_error' });
  expect(reply.body.toString()).not.toMatch(/self.signed|certificate|127\.0\.0\.1/i);
  expect(received).toBe(0);
  expect(await gateway.ledgerRows(1)).toMatchObject([{ reason: 'connect', unsent: 1, usage_source: 'none', cost_nano: 0 }]);
});

test.each([{ stream: false }, { stream: true }])(
  'U19: an upstream that stops reading a large request is given up after first_byte (stream $stream)',
  async ({ stream }) => {
    const taken: Socket[] = [];
    const deaf = opened(await startUpstream(() => {}, { connection: (socket) => taken.push(socket.pause()) > 0 }));
    const wake = (socket: Socket) => socket.once('end', () => socket.end()).resume();
    const good = opened(await startUpstream(chat));
    // Larger than what both kernels buffer for a socket.
    const image = `data:image/png;base64,${'A'.repeat(8_000_000)}`;
    const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image } }] }];

    const alone = await startGateway({ overlay: patient(deaf.url, { timeouts }) });
    const began = performance.now();
    const told = await request(alone.url, { body: ask({ stream, messages }) });
    expect(told.status).toBe(504);
    expect(expectEnvelope(told).code).toBe('upstream_timeout');
    expect(performance.now() - began).toBeLessThan(3_000);
    // A socket that does not read hears of its end only when it reads again.
    for (const socket of taken) wake(socket);
    await expect.poll(() => deaf.open()).toBe(0);

    const providers = { deaf: provider(deaf.url, { timeouts }), good: provider(good.url) };
    const pair = await startGateway({ overlay: { ...inPriority({ deaf: deaf.url, good: good.url }), providers } });
    const hidden = await request(pair.url, { body: ask({ stream, messages }) });
    expect(hidden).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'good' } });
    expect(good.calls[0]!.json).toMatchObject({ messages });
  },
);
