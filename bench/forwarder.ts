import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';

// The baseline: the least a Node program can do to forward a call. `node forwarder.mjs PORT UPSTREAM_ORIGIN`. It reads the
// body, sends it on with `dispatch` and passes the answer on as it comes; it parses, checks and counts nothing.

const [port, origin] = process.argv.slice(2);
const pool = new Pool(origin!, { connections: 2_048, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
const upstreamHeaders = { 'content-type': 'application/json', authorization: 'Bearer sk-upstream-0000000000000000' };

class Answer implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    const head = ['content-type', String(headers['content-type'])];
    if (headers['content-length'] !== undefined) head.push('content-length', String(headers['content-length']));
    this.#response.writeHead(status, head);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#response.write(chunk);
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    this.#response.destroy();
  }
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') {
    response.end('ready');
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    pool.dispatch({ path: request.url!, method: 'POST', headers: upstreamHeaders, body }, new Answer(response));
  });
}

createServer(forward).listen(Number(port), '127.0.0.1');
// Leaves by itself, so that a profiler can write its file.
process.on('SIGTERM', () => process.exit(0));
