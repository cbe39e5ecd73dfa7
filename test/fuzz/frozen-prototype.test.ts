import { beforeAll, describe, expect, test } from 'vitest';
import { opened } from '../helper/cleanup.ts';
import { jsonOf, type Reply, ask as request, textOf } from '../helper/client.ts';
import { overAll } from '../helper/cuts.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, neverOpen, patient } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';
import { converse } from './conversation.ts';
import { allowTime, announce, Dice, runs } from './dice.ts';
import { envelopeFault } from './judgement.ts';
import { type Listener, makeMessage } from './messages.ts';
import { obedient } from './obedient.ts';
import { makeTransport, play } from './transports.ts';
import { makeAnswerBody } from './unruly.ts';

// Security 27: with the prototype of all objects frozen, whoever writes to it throws. Nothing in here does, from the start of
// the gateway to its last answer.

allowTime();

const adminKey = 'frozen-admin-7hGtR5fDsW3eQaZx';
let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  Object.freeze(Object.prototype);
  Object.freeze(Array.prototype);
  upstream = opened(await startUpstream(obedient, { forget: true }));
  const timeouts = { first_byte: '1s', first_content: '1s', idle: '1s', total: '3s' };
  gateway = await startGateway({
    overlay: patient(upstream.url, { timeouts, health: { ...neverOpen, max_rest: '0s' } }),
    env: { ADMIN_API_KEY: adminKey },
    log: 'info',
  });
});

const poison = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}';

describe('a gateway over a frozen Object.prototype', () => {
  test('answers chats, streams, vectors and responses', async () => {
    expect(jsonOf<{ choices: unknown[] }>(await request(gateway.url, { body: ask() })).choices).toHaveLength(1);
    expect(textOf((await request(gateway.url, { body: ask({ stream: true }) })).body)).toBe('Hello there');
    const vectors = await request(gateway.url, { path: '/v1/embeddings', body: { model: 'm', input: ['a', 'b'] } });
    expect(jsonOf<{ data: unknown[] }>(vectors).data).toHaveLength(2);
    expect((await request(gateway.url, { path: '/v1/responses', body: { model: 'm', input: 'a' } })).status).toBe(200);
    expect((await request(gateway.url, { path: '/v1/models' })).status).toBe(200);
  });

  test.each(['/health', '/health/providers', '/metrics', '/openapi.json', '/docs', '/admin/v1/config', '/admin/v1/models'])(
    'answers operators: %s',
    async (path) => {
      const reply = await request(gateway.managementUrl, { path, headers: { authorization: `Bearer ${adminKey}` } });
      expect(reply.status).toBe(200);
    },
  );

  test.each([
    ['the body', { body: `{"model":"m","messages":[{"role":"user","content":"x"}],${poison}}` }],
    [
      'a tool schema',
      { body: `{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function",${poison}}]}` },
    ],
  ])('I6: refuses poison in %s as it does otherwise', async (_where, send) => {
    expect((await request(gateway.url, send)).status).toBe(400);
  });

  test('I6: takes poison in labels and headers for what it is', async () => {
    const headers = { 'x-postern-metadata': `{"__proto__":"a","constructor":"b"}`, __proto__x: 'y', ['__proto__']: 'polluted' };
    expect((await request(gateway.url, { body: ask(), headers })).status).toBe(200);
  });

  test.each([
    ['a whole answer', { stream: false }, (text: string) => json(200, text)],
    ['a whole answer turned into a stream', { stream: true }, (text: string) => json(200, text)],
    ['a stream', { stream: true }, streamOf],
    ['a stream turned into a whole answer', { stream: false }, streamOf],
  ])('I6: passes on poison in %s for what it is', async (_name, wanted, script) => {
    const members = `"finish_reason":"stop","logprobs":{${poison}},${poison}`;
    const text = `{"id":"a","object":"chat.completion","created":1,"model":"u",${poison},"usage":{"prompt_tokens":1,"completion_tokens":1,${poison}},"choices":[{"index":0,"message":{"role":"assistant","content":"x",${poison}},"delta":{"content":"x","tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}",${poison}},${poison}}],${poison}},${members}}]}`;
    upstream.script = script(text);
    const reply: Reply = await request(gateway.url, { body: ask(wanted) });
    upstream.script = obedient;
    // A write that the frozen object refuses would have become a 502.
    expect([reply.status, reply.complete]).toEqual([200, true]);
    expect(reply.body.includes('stream_interrupted')).toBe(false);
  });

  test('survives mutated requests and mutated answers', async () => {
    announce('frozen prototypes', runs(300));
    const listeners: Listener[] = [{ kind: 'open', url: gateway.url }];
    const wrong = await overAll(
      Array.from({ length: runs(300) }, (_, index) => index),
      8,
      async (index) => {
        const dice = new Dice(index);
        const wanted = { operation: 'chat', stream: dice.chance(0.5), marker: 'mark' } as const;
        const transport = makeTransport(dice, makeAnswerBody(dice, wanted));
        upstream.script = (_call, wire) => play({ ...transport, end: transport.end === 'never' ? 'rst' : transport.end }, wire);
        const { bytes, method, wellFramed } = makeMessage(index, listeners, 'http://127.0.0.1:9/v1');
        // Node itself writes this header to an object that inherits a member of the name.
        if (/\r\nconstructor:/i.test(bytes.toString('latin1'))) return;
        const reply = await converse({ url: gateway.url, bytes, method, finish: !wellFramed }, 15_000);
        const fault = reply.status < 400 ? null : envelopeFault(reply, method);
        if (fault !== null) throw new Error(`${fault}: ${reply.head}`);
      },
    );
    upstream.script = obedient;
    expect(wrong.slice(0, 3)).toEqual([]);
    expect((await request(gateway.url, { body: ask() })).status).toBe(200);
    expect(gateway.logs().filter((line) => line.level === 'error')).toEqual([]);
  });
});

function streamOf(text: string): ReturnType<typeof json> {
  return json(200, `data: ${text}\n\ndata: [DONE]\n\n`, { 'content-type': 'text/event-stream' });
}
