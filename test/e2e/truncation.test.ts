import OpenAI from 'openai';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, eventsOf, open, streamError } from '../helper/client.ts';
import { type Cut, columns, cutScript, overAll, seeded, toAsk } from '../helper/cuts.ts';
import { startGateway } from '../helper/gateway.ts';
import { patient } from '../helper/overlay.ts';
import { allStreams, chatStreams, digest, type StreamFixture, streamNamed, streamRequest } from '../helper/streams.ts';
import { startUpstream } from '../helper/upstream.ts';

// A stream that breaks is an error, wherever and however it breaks. The grid of every offset with the official SDKs is in
// test/clients; here every offset is read by a raw client, and a seeded sample by the SDK.

// Many cases, or whole processes: a busy machine takes several times as long as an idle one.
vi.setConfig({ testTimeout: 120_000 });

const width = 16;
let url = '';
const connections: Connection[] = [];

beforeAll(async () => {
  const upstream = opened(await startUpstream(cutScript, { forget: true }));
  url = (await startGateway({ overlay: patient(upstream.url) })).url;
  whenDone(() => {
    for (const connection of connections) connection.leave('fin');
  });
});

/** Asks for one cut on a kept connection and judges what a client sees. */
async function judge(cut: Cut): Promise<void> {
  const stream = streamNamed(cut.stream);
  const connection = connections.pop() ?? (await open(url));
  const reply = await connection.ask(streamRequest(stream, toAsk(cut)));
  if (reply.ended === null) connections.push(connection);
  const finished = /^data: \[DONE\]\n\n|^event: response\.completed\n/m.test(reply.body.toString());
  const failed = reply.status !== 200 || streamError(reply.body) !== null;
  if (!reply.complete) throw new Error(`The gateway's own answer is not a complete message: ${reply.body}`);
  if (finished && failed) throw new Error(`Both an error and the end of a good stream: ${reply.body}`);
  if (!finished && !failed) throw new Error(`Ended without an error: ${reply.body}`);
  if (cut.offset < stream.completeEnd && !failed) throw new Error(`A part was passed off as the whole: ${reply.body}`);
  if (cut.offset < stream.contentEnd && reply.status !== 502) throw new Error(`Status ${reply.status} before any content`);
  if (cut.offset >= stream.finishedEnd && failed) throw new Error(`A whole stream was refused: ${reply.body}`);
  if (failed && reply.status === 200 && streamError(reply.body)?.code !== 'stream_interrupted')
    throw new Error('Wrong code in the stream');
}

const offsets = (stream: StreamFixture) => Array.from({ length: stream.bytes.length + 1 }, (_, offset) => offset);

describe.each(allStreams.map((stream) => stream.name))('%s', (name) => {
  const stream = streamNamed(name);

  test('G4 U11: a close-delimited stream that ends by FIN at any byte is an error until its finish is there', async () => {
    const cuts = offsets(stream).map((offset): Cut => ({ stream: name, offset, framing: 'close', end: 'fin' }));
    expect(await overAll(cuts, width, judge)).toEqual([]);
  });

  test.each(columns.filter(({ framing, end }) => framing !== 'close' || end !== 'fin'))(
    'G4 U10 U11: a $framing stream that ends by $end at sampled bytes is an error until its finish is there',
    async ({ framing, end }) => {
      const random = seeded(stream.bytes.length);
      const edges = [
        0,
        1,
        stream.contentEnd,
        stream.completeEnd - 1,
        stream.completeEnd,
        stream.finishedEnd - 1,
        stream.finishedEnd,
      ];
      const sample = [...edges, ...Array.from({ length: 60 }, () => Math.floor(random() * stream.bytes.length))];
      const cuts = sample.map((offset): Cut => ({ stream: name, offset, framing, end }));
      expect(await overAll(cuts, width, judge)).toEqual([]);
    },
  );
});

test('S5: the event with the finish_reason counts only once its blank line is there', async () => {
  const { completeEnd } = streamNamed('text');
  const cut = { stream: 'text', framing: 'close', end: 'fin' } as const;
  await judge({ ...cut, offset: completeEnd - 1 });
  await expect(judge({ ...cut, offset: completeEnd })).resolves.toBeUndefined();
  const reply = await (await connected(url)).ask(streamRequest(streamNamed('text'), toAsk({ ...cut, offset: completeEnd })));
  expect(eventsOf(reply.body).at(-1)?.data).toBe('[DONE]');
});

test('G4: the official client throws on cut streams and never ends normally with a part of the text', async () => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0, logLevel: 'off' });
  const random = seeded(7);
  const cuts = chatStreams.flatMap((stream) =>
    columns.flatMap(({ framing, end }) =>
      Array.from(
        { length: 20 },
        (): Cut => ({ stream: stream.name, offset: Math.floor(random() * (stream.bytes.length + 1)), framing, end }),
      ),
    ),
  );
  const failures = await overAll(cuts, 8, async (cut) => {
    const stream = streamNamed(cut.stream);
    const chunks: unknown[] = [];
    let thrown: unknown = null;
    try {
      const { body } = streamRequest(stream, toAsk(cut));
      for await (const chunk of await client.chat.completions.create(
        body as unknown as OpenAI.ChatCompletionCreateParamsStreaming,
      )) {
        chunks.push(chunk);
      }
    } catch (error) {
      thrown = error;
    }
    const whole = digest(eventsOf(stream.bytes).flatMap(({ data }) => (data === '[DONE]' ? [] : [JSON.parse(data) as unknown])));
    if (cut.offset < stream.completeEnd && thrown === null) throw new Error('ended normally');
    if (thrown === null && digest(chunks) !== whole) throw new Error(`ended normally with ${digest(chunks)}`);
    if (thrown !== null && !(thrown instanceof OpenAI.APIError)) throw thrown;
  });
  expect(failures).toEqual([]);
});

async function connected(base: string): Promise<Connection> {
  const connection = await open(base);
  whenDone(() => connection.leave('fin'));
  return connection;
}
