import OpenAI from 'openai';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, eventsOf, open, streamError } from '../helper/client.ts';
import { columns, overAll, seeded } from '../helper/cuts.ts';
import { startGateway } from '../helper/gateway.ts';
import { neverOpen, upstreamKey } from '../helper/overlay.ts';
import { answer, type End, type Framing } from '../helper/replies.ts';
import { digest } from '../helper/streams.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

// The same for streams that are translated as test/e2e/truncation.test.ts for those that pass: whatever ends them, wherever, a
// client of the API sees the whole or an error.

// Many cases: a busy machine takes several times as long as an idle one.
vi.setConfig({ testTimeout: 120_000 });

interface Stream {
  readonly model: string;
  readonly bytes: Buffer;
  /** Offset from which on the answer is whole by its dialect's own word. */
  readonly whole: number;
}

const usage = { promptTokenCount: 9, candidatesTokenCount: 4, totalTokenCount: 13 };
const candidate = (part: object, more: object = {}) => ({
  candidates: [{ content: { role: 'model', parts: [part] }, index: 0, ...more }],
  usageMetadata: usage,
  modelVersion: 'gemini-3-flash-preview',
  responseId: 'r1',
});
const lines = (chunks: readonly object[]) =>
  Buffer.from(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join(''));

const generated = lines([
  candidate({ text: 'Zwölf ' }),
  candidate({ text: 'Möwen 🐦 ' }),
  candidate({ text: 'am Pier.' }, { finishReason: 'STOP' }),
]);
const called = lines([
  candidate({ text: 'Let me look.', thought: true }),
  candidate({ functionCall: { name: 'tide', args: { pier: 'Süd' } }, thoughtSignature: 'c2ln' }),
  candidate({ functionCall: { name: 'tide', args: { pier: 'Nord' } } }, { finishReason: 'STOP' }),
]);

const named = (events: readonly { type: string }[]) =>
  Buffer.from(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''));
const block = (index: number, content_block: object, deltas: readonly object[]) => [
  { type: 'content_block_start', index, content_block },
  ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
  { type: 'content_block_stop', index },
];
const messages = named([
  {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-haiku-4-5',
      content: [],
      stop_reason: null,
      usage: { input_tokens: 9, output_tokens: 1 },
    },
  } as { type: string },
  ...block(0, { type: 'text', text: '' }, [
    { type: 'text_delta', text: 'Möwen ' },
    { type: 'text_delta', text: '🐦' },
  ]),
  { type: 'ping' },
  ...block(1, { type: 'tool_use', id: 'toolu_1', name: 'tide', input: {} }, [
    { type: 'input_json_delta', partial_json: '{"pier":' },
    { type: 'input_json_delta', partial_json: '"Süd"}' },
  ]),
  { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 12 } },
  { type: 'message_stop' },
] as { type: string }[]);

/** Everything behind the last byte of the event that ends the answer: its line's end is enough. */
const lastLine = (bytes: Buffer, lineEnds: number) => bytes.length - lineEnds;

const streams: Readonly<Record<string, Stream>> = {
  // A carriage return alone ends the blank line too (WHATWG HTML, 9.2.6).
  generated: { model: 'gemini/gemini-3-flash-preview', bytes: generated, whole: lastLine(generated, 1) },
  called: { model: 'gemini/gemini-3-flash-preview', bytes: called, whole: lastLine(called, 1) },
  messages: { model: 'anthropic/claude-haiku-4-5', bytes: messages, whole: messages.length },
};

interface Cut {
  readonly stream: string;
  readonly offset: number;
  readonly end: End;
  readonly framing: Framing;
}

/** The case travels inside the request, whatever dialect it is in. */
const script: Script = (call, wire) => {
  const [, name, offset, framing, end] = /cut (\w+) (\d+) (\w+) (\w+)/.exec(call.body.toString())!;
  const { bytes } = streams[name!]!;
  const played = answer(Buffer.concat([bytes, Buffer.from(': more\n\n')]), {
    headers: { 'content-type': 'text/event-stream' },
    framing: framing as Framing,
    cut: Number(offset),
    end: end as End,
  });
  return played(call, wire);
};

let url = '';
const connections: Connection[] = [];
const whole = new Map<string, string>();

beforeAll(async () => {
  const upstream = opened(await startUpstream(script, { forget: true }));
  const { origin } = new URL(upstream.url);
  const entry = (type: string) => ({ type, base_url: origin, api_key: upstreamKey, catalogue: false });
  const overlay = {
    providers: { gemini: entry('gemini'), anthropic: entry('anthropic') },
    retries: { max_attempts: 1 },
    health: neverOpen,
    server: { keep_alive_comments: '0s' },
  };
  url = (await startGateway({ overlay })).url;
  whenDone(() => {
    for (const connection of connections) connection.leave('fin');
  });
  for (const [stream, { bytes }] of Object.entries(streams)) {
    const reply = await asked({ stream, offset: bytes.length, framing: 'close', end: 'fin' });
    whole.set(stream, told(reply));
  }
});

const body = ({ stream, offset, framing, end }: Cut) => ({
  model: streams[stream]!.model,
  messages: [{ role: 'user' as const, content: `cut ${stream} ${offset} ${framing} ${end}` }],
  stream: true as const,
});

async function asked(cut: Cut): Promise<Buffer> {
  const connection = connections.pop() ?? (await open(url));
  const reply = await connection.ask({ path: '/v1/chat/completions', body: body(cut) });
  if (reply.ended === null) connections.push(connection);
  if (!reply.complete) throw new Error(`The gateway's own answer is not a complete message: ${reply.body}`);
  return reply.body;
}

const told = (reply: Buffer): string =>
  digest(eventsOf(reply).flatMap(({ data }) => (data === '[DONE]' ? [] : [JSON.parse(data) as unknown])));

async function judge(cut: Cut): Promise<void> {
  const reply = await asked(cut);
  const finished = reply.toString().includes('data: [DONE]');
  const failed = !reply.toString().startsWith('data:') || streamError(reply) !== null;
  if (finished === failed) throw new Error(`Neither the whole nor an error: ${reply}`);
  if (cut.offset < streams[cut.stream]!.whole && !failed) throw new Error(`A part was passed off as the whole: ${reply}`);
  if (cut.offset >= streams[cut.stream]!.bytes.length && failed) throw new Error(`A whole stream was refused: ${reply}`);
  if (finished && told(reply) !== whole.get(cut.stream)) throw new Error(`Not the whole: ${reply}`);
}

describe.each(Object.keys(streams))('%s', (stream) => {
  const { bytes } = streams[stream]!;

  test('G4 U11: a close-delimited stream that ends by FIN at any byte is an error until its finish is there', async () => {
    const cuts = Array.from({ length: bytes.length + 1 }, (_, offset): Cut => ({ stream, offset, framing: 'close', end: 'fin' }));
    expect(await overAll(cuts, 16, judge)).toEqual([]);
  });

  test.each(columns.filter(({ framing, end }) => framing !== 'close' || end !== 'fin'))(
    'G4 U10 U11: a $framing stream that ends by $end at sampled bytes is an error until its finish is there',
    async ({ framing, end }) => {
      const random = seeded(bytes.length);
      const edges = [0, 1, bytes.length - 2, bytes.length - 1, bytes.length];
      const sample = [...edges, ...Array.from({ length: 60 }, () => Math.floor(random() * bytes.length))];
      const cuts = sample.map((offset): Cut => ({ stream, offset, framing, end }));
      expect(await overAll(cuts, 16, judge)).toEqual([]);
    },
  );
});

test('G4: the official client throws on cut streams and never ends normally with a part of the answer', async () => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0, logLevel: 'off' });
  const random = seeded(11);
  const cuts = Object.entries(streams).flatMap(([stream, { bytes }]) =>
    columns.flatMap(({ framing, end }) =>
      Array.from({ length: 12 }, (): Cut => ({ stream, offset: Math.floor(random() * (bytes.length + 1)), framing, end })),
    ),
  );
  const failures = await overAll(cuts, 8, async (cut) => {
    const chunks: unknown[] = [];
    let thrown: unknown = null;
    try {
      for await (const chunk of await client.chat.completions.create(body(cut))) chunks.push(chunk);
    } catch (error) {
      thrown = error;
    }
    if (thrown !== null && !(thrown instanceof OpenAI.APIError)) throw thrown;
    if (thrown === null && digest(chunks) !== whole.get(cut.stream)) throw new Error(`ended normally with ${digest(chunks)}`);
    if (thrown === null && cut.offset < streams[cut.stream]!.whole) throw new Error('ended normally');
  });
  expect(failures).toEqual([]);
});
