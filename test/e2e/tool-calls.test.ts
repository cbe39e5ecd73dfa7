import { beforeAll, expect, test } from 'vitest';
import { chunk } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { eventsOf, ask as request, streamError } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { sse } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Streamed tool calls are passed on as they come, however odd; a broken one is never completed.

let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = opened(await startUpstream(() => {}));
  gateway = await startGateway({ overlay: patient(upstream.url) });
});

const call = (index: number, id: string, name: string, text = '') =>
  chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: text } }] });
const more = (index: number, text: string) => chunk({ tool_calls: [{ index, function: { arguments: text } }] });
const data = (events: readonly string[]) => events.map((event) => event.slice('data: '.length));

async function seen(events: readonly string[], end: object = {}): Promise<{ body: string; data: string[] }> {
  upstream.script = sse(events, end);
  const reply = await request(gateway.url, { body: ask({ stream: true }) });
  return { body: reply.body.toString(), data: eventsOf(reply.body).map((event) => event.data) };
}

test('S14: calls whose pieces come in turns, and an index that is used again, arrive as they were sent', async () => {
  const events = [
    call(0, 'call_a', 'first'),
    call(1, 'call_b', 'second'),
    more(0, '{"a"'),
    more(1, '{"b"'),
    more(0, ':1}'),
    call(0, 'call_c', 'third', '{}'),
    more(1, ':2}'),
    chunk({}, 'tool_calls'),
  ];
  const { data: received, body } = await seen([...events, 'data: [DONE]']);
  expect(received).toEqual([...data(events), '[DONE]']);
  expect(streamError(body)).toBeNull();
});

test.each([
  ['fin', 'close'],
  ['fin', 'chunked'],
  ['rst', 'chunked'],
] as const)(
  'S14: arguments cut in the middle by %s (%s) stay as they are, followed by an error and never by an end',
  async (end, framing) => {
    const events = [call(0, 'call_a', 'first'), more(0, '{"city":"Pa')];
    const { data: received, body } = await seen(events, { cut: `${events.join('\n\n')}\n\n`.length, end, framing });
    expect(received.slice(0, 2)).toEqual(data(events));
    expect(received).toHaveLength(3);
    expect(streamError(body)).toMatchObject({ code: 'stream_interrupted' });
    expect(body).not.toContain('finish_reason":"');
    expect(body).not.toContain('[DONE]');
  },
);
