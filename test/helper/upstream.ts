import { createServer, type Socket } from 'node:net';
import { type RecordedCall, record, takeRequest, turn, Wire } from './http-request.ts';

/** Answers one request. What it returns is awaited; only then the next request of the connection is taken. */
export type Script = (call: RecordedCall, wire: Wire) => unknown;

export interface UpstreamOptions {
  /** Sees every connection first; `true` = it is handled there and no request is read from it. */
  readonly connection?: (socket: Socket, number: number) => boolean;
  /** Keep no calls: for grids of many thousand requests. */
  readonly forget?: boolean;
}

export interface Upstream {
  readonly port: number;
  /** `http://127.0.0.1:port/v1` */
  readonly url: string;
  /** Every request so far, in order of arrival. */
  readonly calls: RecordedCall[];
  /** Replaces the script for requests from now on. */
  script: Script;
  /** Connections accepted so far. */
  connections(): number;
  /** Connections open now. */
  open(): number;
  /** Resolves once `count` requests have arrived; rejects after `ms`. */
  arrived(count: number, ms?: number): Promise<RecordedCall>;
  /** Ends every connection and waits until both sides know, so that the next request comes on a fresh one. */
  hangUp(): Promise<void>;
  close(): Promise<void>;
}

/** A scripted HTTP/1.1 server on 127.0.0.1 that writes exact bytes and records every request. */
export async function startUpstream(script: Script, options: UpstreamOptions = {}): Promise<Upstream> {
  const calls: RecordedCall[] = [];
  const sockets = new Set<Socket>();
  const waiters = new Set<() => void>();
  let connections = 0;
  let total = 0;

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const number = connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    if (options.connection?.(socket, number) === true) return;
    serve(socket, number);
  });

  function serve(socket: Socket, number: number): void {
    let pending: Buffer = Buffer.alloc(0);
    let current: RecordedCall | null = null;
    const left = () => {
      if (current !== null && current.abortedAt === null) current.abortedAt = performance.now();
    };
    // Ahead of the wire's own listener: a script that ends because the peer left was still answering.
    socket.on('close', left);
    const wire = new Wire(socket);
    socket.on('end', () => {
      left();
      socket.end();
    });
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      if (current === null) void next();
    });

    async function next(): Promise<void> {
      for (let parsed = takeRequest(pending); parsed !== null; parsed = takeRequest(pending)) {
        pending = pending.subarray(parsed.length);
        current = record(parsed, total++, number);
        if (options.forget !== true) calls.push(current);
        for (const check of waiters) check();
        await upstream.script(current, wire);
        current = null;
        if (wire.closed || socket.writableEnded) return;
      }
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The scripted upstream has no port.');

  const upstream: Upstream = {
    port: address.port,
    url: `http://127.0.0.1:${address.port}/v1`,
    calls,
    script,
    connections: () => connections,
    open: () => sockets.size,
    arrived(count, ms = 3000) {
      return new Promise((resolve, reject) => {
        const done = () => {
          clearTimeout(timer);
          waiters.delete(check);
        };
        const check = () => {
          if (calls.length < count) return;
          done();
          resolve(calls[count - 1]!);
        };
        const timer = setTimeout(() => {
          done();
          reject(new Error(`Only ${calls.length} of ${count} requests arrived at the upstream within ${ms} ms.`));
        }, ms);
        waiters.add(check);
        check();
      });
    },
    async hangUp() {
      const closed = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of sockets) socket.end();
      await Promise.all(closed);
      await turn();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return upstream;
}

/** The n-th request gets the n-th script, further ones the last. */
export function inOrder(...scripts: readonly Script[]): Script {
  let at = 0;
  return (call, wire) => {
    const script = scripts[Math.min(at++, scripts.length - 1)]!;
    return script(call, wire);
  };
}
