import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { type Certificate, makeCertificate } from './certificate.ts';
import { failureOf, providerAt, startSender } from './sender.ts';

/** Answers every request over TLS; counts the bytes of requests that came through. */
async function startTls(certificate: Certificate, options: TlsOptions = {}) {
  let received = 0;
  const server = createTlsServer({ key: certificate.key, cert: certificate.cert, ...options }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received += chunk.length;
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi');
    });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  whenDone(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as { port: number };
  return { url: `https://127.0.0.1:${port}`, named: `https://localhost:${port}`, received: () => received };
}

const forAddress = () => opened(makeCertificate('127.0.0.1'));

describe('U4: certificates', () => {
  it('one that signs itself is refused before anything is sent', async () => {
    const server = await startTls(forAddress());
    const { how, sent } = await (await startSender()).send(providerAt(server.url));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', code: 'DEPTH_ZERO_SELF_SIGNED_CERT', unsent: true });
    expect([sent, server.received()]).toEqual([false, 0]);
  });

  it('one that the ca_file of the provider vouches for is taken', async () => {
    const certificate = forAddress();
    const server = await startTls(certificate);
    const { how, body } = await (await startSender()).send(providerAt(server.url, { ca_file: certificate.file }));
    expect([how, body.toString()]).toEqual(['end', 'hi']);
  });

  it('the ca_file of another provider vouches for nothing', async () => {
    const [certificate, other] = [forAddress(), forAddress()];
    const server = await startTls(certificate);
    const sender = await startSender();
    expect((await sender.send(providerAt(server.url, { ca_file: certificate.file }))).how).toBe('end');
    expect(failureOf((await sender.send(providerAt(server.url))).how).unsent).toBe(true);
    expect(failureOf((await sender.send(providerAt(server.url, { ca_file: other.file }))).how).unsent).toBe(true);
  });

  it('one for another host is refused', async () => {
    const certificate = forAddress();
    const server = await startTls(certificate);
    const { how } = await (await startSender()).send(providerAt(server.named, { ca_file: certificate.file }));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', code: 'ERR_TLS_CERT_ALTNAME_INVALID', unsent: true });
    expect(server.received()).toBe(0);
  });

  it('one that has expired is refused', async () => {
    const certificate = opened(makeCertificate('127.0.0.1', -3, -1));
    const server = await startTls(certificate);
    const { how } = await (await startSender()).send(providerAt(server.url, { ca_file: certificate.file }));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', code: 'CERT_HAS_EXPIRED', unsent: true });
  });

  it('security 15: TLS below 1.2 is refused', async () => {
    const certificate = forAddress();
    const server = await startTls(certificate, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    const { how } = await (await startSender()).send(providerAt(server.url, { ca_file: certificate.file }));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', unsent: true });
    expect(server.received()).toBe(0);
  });

  it('are not asked for by a host that stalls the handshake: the connect timeout ends it', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    whenDone(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as { port: number };
    const { how } = await (await startSender(300)).send(providerAt(`https://127.0.0.1:${port}`));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', code: 'UND_ERR_CONNECT_TIMEOUT', unsent: true });
  });

  it('a ca_file that is gone fails the request instead of the process, and trusts nothing', async () => {
    const server = await startTls(forAddress());
    const { how } = await (await startSender()).send(providerAt(server.url, { ca_file: '/no/such/file.pem' }));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', unsent: true });
    expect(failureOf(how).message).not.toContain('/no/such');
  });

  it('TLS to a server that speaks none fails', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    whenDone(() => server.close());
    const { port } = server.address() as { port: number };
    const { how } = await (await startSender()).send(providerAt(`https://127.0.0.1:${port}`));
    expect(failureOf(how)).toMatchObject({ reason: 'connect', unsent: true });
  });
});
