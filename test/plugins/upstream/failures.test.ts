import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { transportFailure } from '../../../plugins/upstream/failures.ts';
import { opened } from '../../helper/cleanup.ts';
import { turn } from '../../helper/http-request.ts';
import { blackhole, freePort } from '../../helper/ports.ts';
import { answer, json, rawBytes } from '../../helper/replies.ts';
import { inOrder, startUpstream, type Upstream } from '../../helper/upstream.ts';
import { failureOf, providerAt, startSender } from './sender.ts';

const ok = json(200, {});

describe('failures before anything was sent', () => {
  it('U1: a refused connection', async () => {
    const { how, sent, heard } = await (await startSender()).send(providerAt(`http://127.0.0.1:${await freePort()}`));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', code: 'ECONNREFUSED', unsent: true, stale: false, status: 0 });
    expect([sent, heard]).toEqual([false, ['failure']]);
  });

  it('U2: a name that does not resolve', async () => {
    const { how } = await (await startSender()).send(providerAt('http://no-such-host.invalid'));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', unsent: true });
    expect(failureOf(how).message).not.toContain('no-such-host');
  });

  it('U3: a connection that is never accepted, within the connect timeout', async () => {
    const hole = opened(await blackhole());
    const before = performance.now();
    const { how } = await (await startSender(300)).send(providerAt(`http://127.0.0.1:${hole.port}`));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', code: 'UND_ERR_CONNECT_TIMEOUT', unsent: true });
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

describe('failures after the request was sent', () => {
  const request = { body: Buffer.from('{"model":"x"}') };

  async function against(script: Parameters<typeof startUpstream>[0]) {
    const server = opened(await startUpstream(script));
    return { server, heard: await (await startSender()).send(providerAt(server.url), request) };
  }

  it.each([
    ['a reset before the head', rawBytes('', 'rst'), 'network'],
    ['a clean end before the head', rawBytes('', 'fin'), 'network'],
    ['bytes that are not HTTP', rawBytes('SSH-2.0-OpenSSH_9.9\r\n', 'never'), 'protocol'],
    ['HTTP/0.9', rawBytes('<html>hello</html>', 'fin'), 'protocol'],
    ['a status line cut short', rawBytes('HTTP/1.1 20', 'fin'), 'network'],
    ['a status that is no number', rawBytes('HTTP/1.1 OK OK\r\n\r\n', 'never'), 'protocol'],
    ['more than 16 KiB of headers', rawBytes(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 'never'), 'protocol'],
    ['two lengths', rawBytes('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx', 'never'), 'network'],
  ] as const)('U5 U7: %s', async (_name, script, reason) => {
    const { server, heard } = await against(script);
    expect(failureOf(heard.how)).toMatchObject({ reason, unsent: false });
    expect(heard.sent).toBe(true);
    expect(heard.head).toBeNull();
    await expect.poll(() => server.open()).toBe(0);
  });

  it.each(['rst', 'fin'] as const)('U10: a chunked body that breaks off (%s)', async (end) => {
    const { heard } = await against(answer('0123456789', { framing: 'chunked', cut: 5, end }));
    expect(failureOf(heard.how)).toMatchObject({ reason: 'network', unsent: false, stale: false });
    expect(heard.heard.slice(0, 2)).toEqual(['sent', 'head 200']);
  });

  it('U12: fewer bytes than the content-length says', async () => {
    const { heard } = await against(answer('0123456789', { framing: 'length', cut: 5, end: 'fin' }));
    expect(failureOf(heard.how).reason).toBe('network');
  });

  it('U10: a chunked body on a connection that closes after it, cut short, is a broken connection, not nonsense', async () => {
    const { heard } = await against(
      rawBytes('HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel', 'fin'),
    );
    expect(failureOf(heard.how)).toMatchObject({ reason: 'network', unsent: false });
  });

  it('a chunk size that is no number', async () => {
    const { heard } = await against(rawBytes('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n', 'never'));
    expect(failureOf(heard.how)).toMatchObject({ reason: 'protocol', unsent: false });
  });

  it('name no address, port, path or header', async () => {
    for (const script of [rawBytes('', 'rst'), rawBytes('', 'fin'), rawBytes('x', 'fin')]) {
      const { server, heard } = await against(script);
      const { message } = failureOf(heard.how);
      for (const secret of ['127.0.0.1', String(server.port), '/v1', 'Bearer']) expect(message).not.toContain(secret);
    }
  });
});

describe('U6: a kept socket that the server had given up', () => {
  /** Answers the first request of each socket, then ends the socket in this way under the second. */
  const givesUp = (end: 'fin' | 'rst') => inOrder(ok, (_call, wire) => (end === 'fin' ? wire.fin() : wire.rst()), ok);

  async function second(server: Upstream, pause: () => Promise<unknown> = turn) {
    const sender = await startSender();
    const provider = providerAt(server.url);
    await sender.send(provider);
    await pause();
    const { how } = await sender.send(provider);
    await turn();
    return { how, third: () => sender.send(provider) };
  }

  it.each(['fin', 'rst'] as const)('is told from a server that breaks: %s', async (end) => {
    const server = opened(await startUpstream(givesUp(end)));
    const { how, third } = await second(server);
    expect(failureOf(how)).toMatchObject({ reason: 'network', unsent: false, stale: true });
    expect(server.calls[1]!.socket).toBe(0);
    expect((await third()).how).toBe('end');
    expect(server.calls[2]!.socket).toBe(1);
  });

  it.each(['fin', 'rst'] as const)('a fresh socket that ends the same way is not stale: %s', async (end) => {
    const server = opened(await startUpstream((_call, wire) => (end === 'fin' ? wire.fin() : wire.rst())));
    const { how } = await (await startSender()).send(providerAt(server.url));
    expect(failureOf(how)).toMatchObject({ reason: 'network', stale: false });
  });

  it('is not used any more once its end was seen', async () => {
    const server = opened(await startUpstream(answer('{}', { end: 'fin' })));
    const { how } = await second(server, () => sleep(30));
    expect([how, server.calls.map((call) => call.socket)]).toEqual(['end', [0, 1]]);
  });

  it('is not stale when its answer had begun', async () => {
    const server = opened(await startUpstream(inOrder(ok, answer('0123456789', { cut: 5, end: 'rst' }))));
    const { how } = await second(server);
    expect(failureOf(how)).toMatchObject({ reason: 'network', stale: false });
  });

  it('is not stale when what it says is not HTTP', async () => {
    const server = opened(await startUpstream(inOrder(ok, rawBytes('garbage\r\n\r\n', 'fin'))));
    const { how } = await second(server);
    expect(failureOf(how)).toMatchObject({ reason: 'protocol', stale: false });
  });
});

describe('what a transport error means', () => {
  const errorOf = (code: string, more: object = {}) => Object.assign(new Error('secret detail 10.0.0.1'), { code, ...more });

  it.each([
    ['ECONNREFUSED', false, 'connect'],
    ['CERT_HAS_EXPIRED', false, 'connect'],
    ['POSTERN_EGRESS', false, 'connect'],
    ['HPE_INVALID_CONSTANT', true, 'protocol'],
    ['UND_ERR_HEADERS_OVERFLOW', true, 'protocol'],
    ['ECONNRESET', true, 'network'],
    ['EPIPE', true, 'network'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', true, 'network'],
    ['SOMETHING_NEW', true, 'network'],
    ['SOMETHING_NEW', false, 'connect'],
  ] as const)('%s, sent %s: %s', (code, sent, reason) => {
    const told = transportFailure(errorOf(code), sent, false);
    expect(told).toMatchObject({ reason, code, unsent: !sent, status: 0, retryAfterMs: null });
    expect(told.message).not.toMatch(/secret|10\.0\.0\.1/);
  });

  it('has no code where the error has none', () => {
    expect(transportFailure(new Error('x'), true, false)).toMatchObject({ code: null, reason: 'network' });
  });

  it.each([
    [true, false, 5, true],
    [true, true, 5, false],
    [false, false, 5, true],
    [true, false, 0, false],
    [false, false, 0, false],
  ])('sent %s, headed %s, %i bytes read before: stale %s', (sent, headed, socketBytesRead, stale) => {
    expect(transportFailure(errorOf('ECONNRESET', { socketBytesRead }), sent, headed).stale).toBe(stale);
  });
});
