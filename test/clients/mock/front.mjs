import { appendFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { LLMock } from '@copilotkit/aimock';
import { validateAnthropic } from '../../helper/fakes/anthropic/validate.ts';
import { validateGemini } from '../../helper/fakes/gemini/validate.ts';
import { completeBytes, isIncomplete } from './complete.mjs';
import { readers } from './readers.mjs';
import { answer } from './script.mjs';

// aimock as one vendor. Its handlers take anything and keep little of what they are sent, so a small server in front of it
// refuses what the vendor would refuse, reads the request (readers.mjs) and hands that to the script under an id in the one
// header aimock passes on.

/** The vendor's refusal of a request, or null. Signatures are script.mjs's own. */
const validators = {
  openai: () => null,
  gemini: (path, body) => validateGemini(path, body, { trustSignatures: true }),
  anthropic: (path, body) => validateAnthropic(path, body, { trustSignatures: true }),
};

/** Every exchange of the mock servers as a line of JSON in this file, for the case that a suite fails. */
const traceFile = process.env.MOCK_TRACE;

/** Milliseconds until the script stops waiting for a request to come or to be given up. */
const PATIENCE = 3000;

export async function startMock(dialect) {
  const known = new Map();
  const events = new Map();
  let requests = 0;

  /** One promise an event, with its resolver: `here NAME` and `gone NAME` of the request `VERB NAME`. */
  function event(name) {
    if (!events.has(name)) events.set(name, Promise.withResolvers());
    return events.get(name);
  }

  const happens = (name) =>
    Promise.race([
      event(name).promise.then(() => true),
      new Promise((resolve) => setTimeout(() => resolve(false), PATIENCE).unref()),
    ]);
  const script = (request) => answer(known.get(request._context), dialect, happens);
  const says = (verb) => ({ predicate: (request) => known.get(request._context)?.user.startsWith(`${verb} `) ?? false });

  const mock = new LLMock({ port: 0 });
  mock.on(says('slow'), script, { latency: 25, chunkSize: 5 });
  mock.on(says('cut'), script, { latency: 5, truncateAfterChunks: 8, chunkSize: 5 });
  mock.on({ endpoint: 'chat' }, script, { chunkSize: 6 });
  await mock.start();

  /** One request to aimock; resolves with its answer, whose body is still to be read. */
  function ask(method, url, headers, body, signal) {
    return new Promise((resolve, reject) => {
      const sent = httpRequest(new URL(url, mock.url), { method, headers, signal }, resolve);
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async function serve(incoming, outgoing) {
    const gone = new AbortController();
    const body = Buffer.concat(await Array.fromAsync(incoming));
    const json = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
    const refusal = validators[dialect](incoming.url.split('?')[0], json);
    if (refusal !== null) {
      outgoing.writeHead(refusal.status, { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify(refusal.body));
      return trace(incoming, body, refusal.status, Buffer.from(JSON.stringify(refusal.body)));
    }
    const asked = readers[dialect](json);
    const id = String(++requests);
    known.set(id, asked);
    const name = asked.user.split(' ')[1] ?? '';
    event(`here ${name}`).resolve();
    outgoing.on('close', () => {
      known.delete(id);
      if (outgoing.writableFinished) return;
      gone.abort();
      event(`gone ${name}`).resolve();
    });
    const headers = { 'content-type': 'application/json', 'x-aimock-context': id };
    // Refuses a tool loop whose reasoning was not given back; no vector without a fixture, though.
    if (!/embed/i.test(incoming.url)) headers['x-aimock-strict'] = 'true';
    if (/:batchEmbedContents/.test(incoming.url)) return batch(incoming, outgoing, body, headers);
    const answered = await ask(incoming.method, incoming.url, headers, body, gone.signal);
    const parts = [];
    const whole = isIncomplete(dialect, asked, answered.statusCode);
    outgoing.writeHead(answered.statusCode, whole ? { 'content-type': answered.headers['content-type'] } : answered.headers);
    try {
      for await (const part of answered) {
        parts.push(part);
        if (!whole) outgoing.write(part);
      }
    } catch {
      outgoing.destroy();
    }
    if (whole) outgoing.write(completeBytes(dialect, asked, Buffer.concat(parts)));
    if (!outgoing.destroyed) outgoing.end();
    trace(incoming, body, answered.statusCode, Buffer.concat(parts));
  }

  /** aimock embeds one text at a time. */
  async function batch(incoming, outgoing, body, headers) {
    const embeddings = [];
    for (const each of JSON.parse(body.toString('utf8')).requests) {
      const url = incoming.url.replace('batchEmbedContents', 'embedContent');
      const answered = await ask('POST', url, headers, JSON.stringify(each));
      embeddings.push(JSON.parse(Buffer.concat(await Array.fromAsync(answered)).toString('utf8')).embedding);
    }
    outgoing.writeHead(200, { 'content-type': 'application/json' });
    outgoing.end(JSON.stringify({ embeddings }));
    trace(incoming, body, 200, Buffer.alloc(0));
  }

  function trace(incoming, body, status, answered) {
    if (traceFile === undefined) return;
    const [sent, got] = [body.toString('utf8'), answered.toString('utf8')];
    appendFileSync(traceFile, `${JSON.stringify({ dialect, url: incoming.url, sent, status, got })}\n`);
  }

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch((error) => {
      if (outgoing.destroyed) return;
      if (!outgoing.headersSent) outgoing.writeHead(500, { 'content-type': 'application/json' });
      outgoing.end(JSON.stringify({ error: { message: `The mock server failed: ${error.stack}` } }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await mock.stop();
    },
  };
}
