import Fastify, { type FastifyReply } from 'fastify';
import { type Dispatcher, Pool } from 'undici';

// What a framework costs: a plain Fastify application that validates the body, serialises it again for the upstream, and
// parses and serialises JSON answers; streams pass as they come. `node fastify-forwarder.mjs PORT UPSTREAM_ORIGIN`.

const [port, origin] = process.argv.slice(2);
const pool = new Pool(origin!, { connections: 2_048, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
const upstreamHeaders = { 'content-type': 'application/json', authorization: 'Bearer sk-upstream-0000000000000000' };

class Answer implements Dispatcher.DispatchHandler {
  readonly #reply: FastifyReply;
  readonly #chunks: Buffer[] = [];
  #status = 0;
  #streams = false;

  constructor(reply: FastifyReply) {
    this.#reply = reply;
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#status = status;
    const type = String(headers['content-type']);
    if (!type.startsWith('text/event-stream')) return;
    this.#streams = true;
    this.#reply.hijack();
    this.#reply.raw.writeHead(status, { 'content-type': type });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#streams) this.#reply.raw.write(chunk);
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#streams) this.#reply.raw.end();
    else this.#reply.code(this.#status).send(JSON.parse(Buffer.concat(this.#chunks).toString()));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#streams) this.#reply.raw.destroy();
    else this.#reply.code(502).send(error);
  }
}

const message = {
  type: 'object',
  required: ['role', 'content'],
  properties: { role: { type: 'string' }, content: { type: ['string', 'array', 'null'] } },
};
const body = {
  type: 'object',
  required: ['model', 'messages'],
  properties: {
    model: { type: 'string' },
    messages: { type: 'array', minItems: 1, items: message },
    stream: { type: 'boolean' },
    temperature: { type: 'number' },
    max_tokens: { type: 'integer' },
  },
};

const app = Fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } } });
app.get('/readyz', async () => 'ready');
app.post('/v1/chat/completions', { schema: { body } }, (request, reply) => {
  const options = { path: request.url, method: 'POST', headers: upstreamHeaders, body: JSON.stringify(request.body) } as const;
  pool.dispatch(options, new Answer(reply));
});
await app.listen({ port: Number(port), host: '127.0.0.1' });
// Leaves by itself, so that a profiler can write its file.
process.on('SIGTERM', () => process.exit(0));
