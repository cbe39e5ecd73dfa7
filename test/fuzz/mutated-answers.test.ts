import { beforeAll, expect, test } from 'vitest';
import { chatBody, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { requestBytes } from '../helper/client.ts';
import { overAll } from '../helper/cuts.ts';
import { canary } from '../helper/faults.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { type LedgerRow, readLedger, settledRows } from '../helper/ledger.ts';
import { neverOpen, patient } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { askOf } from '../helper/streams.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';
import { type Conversation, converse } from './conversation.ts';
import { allowTime, announce, Dice, runs, seed } from './dice.ts';
import { chatStreamFault, documentOf, envelopeFault, leak, responsesStreamFault } from './judgement.ts';
import { watchPrototypes } from './pollution.ts';
import { makeTransport, play } from './transports.ts';
import { makeAnswerBody, type Wanted } from './unruly.ts';

// A12, A16, S9, S17, U7 and whatever lies between them: an upstream whose answers have something wrong anywhere, from the
// status line to the last byte. The caller gets a whole answer, an error in the envelope, or a stream that ends in an error.

const count = runs(1_500);
const width = 16;
/** Milliseconds. */
const total = 4_000;
const slack = 6_000;

let gateway: TestGateway;
let upstream: Upstream;
/** Sends per exchange, as the replies say. */
const attempts = new Map<string, number>();
const markers = new Set<string>();
let upstreamCalls = 0;

watchPrototypes();
allowTime();

interface Case extends Wanted {
  readonly index: number;
}

/** Case number `index` of this seed. What is asked for is one half of the numbers, what is answered the other. */
function caseOf(index: number): Case {
  const dice = new Dice(2 * index);
  const operation = dice.pick(['chat', 'chat', 'chat', 'responses', 'embeddings'] as const);
  const marker = `mark-${index}-${dice.bytes(6).toString('hex')}`;
  return { index, operation, stream: operation !== 'embeddings' && dice.chance(0.6), marker };
}

function answerTo(each: Case): { bytes: Buffer; right: boolean; transport: ReturnType<typeof makeTransport> } {
  const dice = new Dice(2 * each.index + 1);
  const body = makeAnswerBody(dice, each);
  const transport = makeTransport(dice, body);
  return { bytes: body.bytes, right: body.right && transport.right, transport };
}

function requestFor({ operation, stream, index }: Case): Buffer {
  const ask = `case ${index}`;
  if (operation === 'embeddings') return requestBytes({ path: '/v1/embeddings', body: { model: 'm', input: [ask, 'two'] } });
  if (operation === 'responses') return requestBytes({ path: '/v1/responses', body: { model: 'm', input: ask, stream } });
  const body = { model: 'm', messages: [{ role: 'user', content: ask }], stream };
  return requestBytes({ body: index % 2 === 0 ? body : { ...body, stream_options: { include_usage: true } } });
}

beforeAll(async () => {
  upstream = opened(
    await startUpstream(
      (call, wire) => {
        upstreamCalls++;
        const { input } = call.json as { input?: unknown };
        const ask = Array.isArray(input) ? String(input[0]) : askOf(call.json);
        return play(answerTo(caseOf(Number(ask.slice(5)))).transport, wire);
      },
      { forget: true },
    ),
  );
  const timeouts = { connect: '2s', first_byte: '1500ms', first_content: '1500ms', idle: '1s', total: `${total}ms` };
  // A target is never put aside for what it was made to say.
  const health = { ...neverOpen, max_rest: '0s' };
  gateway = await startGateway({ overlay: patient(upstream.url, { timeouts, health }), log: 'warn' });
});

/** Parts of what upstreams say about themselves that no caller may see. */
const secrets = canary.split(' ').filter((each) => each.length > 7);

function documentFault({ operation }: Case, reply: Conversation): string | null {
  const document = documentOf(reply) as Record<string, unknown> | undefined;
  if (document === undefined) return 'a 200 that is no JSON document';
  if ('error' in document && document.error) return 'a 200 with an error in it';
  const key = { chat: 'choices', embeddings: 'data', responses: 'output' }[operation];
  const list = document[key];
  if (!Array.isArray(list)) return `a 200 without "${key}"`;
  if (operation === 'embeddings') return list.length === 2 ? null : `${list.length} embeddings for 2 inputs`;
  if (operation === 'chat' && !list.every((choice) => typeof choice.message === 'object')) return 'a choice without a message';
  return operation === 'chat' && list.length === 0 ? 'no choices' : null;
}

function faultOf(each: Case, reply: Conversation): string | null {
  const { status, headers, body, took } = reply;
  if (status === 0) return `no answer (${reply.why})`;
  if (!reply.complete) return `an incomplete answer (${reply.why})`;
  if (took > total + slack) return `${Math.round(took)} ms`;
  const others = [...body.toString('latin1').matchAll(/mark-\d+-[0-9a-f]{12}/g)].find(
    ([mark]) => mark !== each.marker && markers.has(mark),
  );
  if (others !== undefined) return `the answer to another call, ${others[0]}`;
  if (status !== 200) {
    // A6: the caller's key is fine, whatever the provider thinks of the operator's.
    if ([401, 403, 407, 408, 409].includes(status)) return `status ${status}`;
    if (status >= 500 && status !== 502 && status !== 503 && status !== 504) return `status ${status}`;
    return envelopeFault(reply, 'POST') ?? leak(reply, secrets);
  }
  const found = leak({ ...reply, body: body.subarray(Math.max(0, body.lastIndexOf('data: {"error"'))) }, []);
  if (found !== null) return found;
  const type = headers['content-type'];
  if (!each.stream) return type === 'application/json; charset=utf-8' ? documentFault(each, reply) : `content-type ${type}`;
  if (type !== 'text/event-stream; charset=utf-8') return `content-type ${type}`;
  const last = body.subarray(body.lastIndexOf('data: ')).toString('utf8');
  if (last.includes('stream_interrupted') && secrets.some((secret) => last.includes(secret)))
    return 'a secret in the error event';
  return each.operation === 'responses' ? responsesStreamFault(body) : chatStreamFault(body);
}

const outcomes = new Map<string, number>();

function outcomeOf({ status, body }: Conversation): string {
  return status === 200 && body.includes('"code":"stream_interrupted"') ? 'interrupted' : String(status);
}

test(`A12 A16 S9 S17 U7: ${count} mutated answers reach the caller whole, as an error, or as a stream that ends in an error`, async () => {
  announce('mutated answers', count);
  const cases = Array.from({ length: count }, (_, index) => caseOf(index));
  for (const each of cases) markers.add(each.marker);
  const began = performance.now();
  const failures = await overAll(cases, width, async (each) => {
    const reply = await converse({ url: gateway.url, bytes: requestFor(each), method: 'POST' }, 20_000);
    outcomes.set(outcomeOf(reply), (outcomes.get(outcomeOf(reply)) ?? 0) + 1);
    const exchange = reply.headers['x-postern-exchange-id'] ?? '';
    attempts.set(exchange, Number(reply.headers['x-postern-attempts'] ?? 0));
    const { right, transport } = answerTo(each);
    const late = outcomeOf(reply) === '504';
    const fault = faultOf(each, reply) ?? (right && outcomeOf(reply) !== '200' && !late ? 'a right answer was refused' : null);
    if (fault === null) return;
    throw new Error(
      `seed ${seed}: ${fault}\nthe upstream sent (splits ${transport.splits}, end ${transport.end}):\n${transport.bytes.toString('latin1', 0, 3_000)}\nthe caller got:\n${reply.head}\n${reply.body.toString('utf8', 0, 2_000)}`,
    );
  });
  const shares = [...outcomes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([outcome, times]) => `${outcome}: ${times}`);
  console.log(`${shares.join(', ')}; ${upstreamCalls} upstream calls; ${Math.round(performance.now() - began)} ms`);
  expect(failures.length, failures.slice(0, 3).join('\n\n')).toBe(0);
  // A generator that no longer gets through, or no longer breaks anything, tests nothing.
  if (count >= 1_000)
    for (const outcome of ['200', '502', 'interrupted']) expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(count / 30);
});

test('every attempt on a mutated answer is in the ledger once, settled once, and never credits anybody', async () => {
  const rows = await settledRows(gateway.dataDir, attempts.size);
  const byExchange = Map.groupBy(rows, (row) => row.exchange);
  const wrong = [...byExchange].filter(([exchange, own]) => {
    const numbers = own.map((row) => row.attempt).sort((a, b) => a - b);
    return attempts.get(exchange) !== own.length || numbers.some((number, at) => number !== at + 1);
  });
  expect(wrong.slice(0, 3)).toEqual([]);
  expect(byExchange.size).toBe(attempts.size);
  // A reset socket may swallow what was written to it; what arrived was noted before it was sent.
  expect(rows.filter((row) => row.unsent === 0).length).toBeGreaterThanOrEqual(upstreamCalls);
  expect(readLedger(gateway.dataDir).filter((row) => row.state !== 'settled')).toEqual([]);
  expect(rows.filter(credits).slice(0, 3)).toEqual([]);
  const page = await (await fetch(`${gateway.managementUrl}/metrics`)).text();
  const settled = [...page.matchAll(/^postern_attempts_total\{[^}]*\} (\d+)$/gm)].reduce(
    (sum, [, times]) => sum + Number(times),
    0,
  );
  expect(settled, 'settlements counted').toBe(rows.length);
  expect(gateway.gateway.api.exchanges.open.size).toBe(0);
  expect(
    gateway
      .logs()
      .filter((line) => line.level === 'error' || line.level === 'fatal')
      .slice(0, 3),
  ).toEqual([]);
});

/** The gateway's answer to one chat request while the upstream plays `script`. */
async function askedWith(script: Script, extra: object): Promise<Conversation> {
  const before = upstream.script;
  upstream.script = script;
  const body = { model: 'm', messages: [{ role: 'user', content: 'x' }], ...extra };
  const reply = await converse({ url: gateway.url, bytes: requestBytes({ body }), method: 'POST' }, 5_000);
  upstream.script = before;
  return reply;
}

test.each([null, false, 0, 7, '', [], {}])(
  'S13: a whole answer that gives %j as its finish_reason becomes a stream that ends with a reason',
  async (reason) => {
    const answer = chatBody();
    Object.assign((answer.choices as object[])[0]!, { finish_reason: reason });
    const reply = await askedWith(json(200, answer), { stream: true });
    expect([reply.status, chatStreamFault(reply.body)]).toEqual([200, null]);
    expect(reply.body.toString()).toContain('"finish_reason":"stop"');
  },
);

test.each([401, 403, 407, 408, 409])(
  'A6: a %i that blames the length of the prompt reaches the caller as 400, which says nothing about its key',
  async (status) => {
    const error = errorBody('too long', 'invalid_request_error', 'context_length_exceeded', 'messages');
    const reply = await askedWith(json(status, error), {});
    expect([reply.status, envelopeFault(reply, 'POST')]).toEqual([400, null]);
    expect(documentOf(reply)).toMatchObject({ error: { code: 'context_length_exceeded', param: 'messages' } });
  },
);

function credits({ input, output, cost_nano: cost }: LedgerRow): boolean {
  return [input, output, cost].some((value) => value !== null && (value < 0 || !Number.isSafeInteger(value)));
}
