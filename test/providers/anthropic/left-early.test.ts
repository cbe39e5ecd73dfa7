import { expect, it } from 'vitest';
import { eventReply, overloadedEvent, type StreamEvent, startFakeAnthropic } from '../../helper/fakes/index.ts';
import { startGateway } from '../../helper/gateway.ts';
import { close, delta, ending, open, sse, start, stop, streamed } from './support.ts';

// The API says what it read when a message begins, and what it wrote when it ends.

const read = { input_tokens: 12, cache_read_input_tokens: 90_000, cache_creation_input_tokens: 500, output_tokens: 1 };
const beginning = [
  start({ usage: { ...read, cache_creation: { ephemeral_5m_input_tokens: 500, ephemeral_1h_input_tokens: 0 } } }),
  open(0, { type: 'text', text: '' }),
  delta(0, { type: 'text_delta', text: 'x'.repeat(400) }),
];

it('U8: a stream that its caller leaves is charged for what the provider read, at the price of cached tokens', async () => {
  const fake = await startFakeAnthropic();
  const gateway = await startGateway({
    overlay: {
      providers: { claude: { type: 'anthropic', base_url: fake.url, api_key: fake.apiKey } },
      prices: { 'claude/*': { input: 1, cached: 0.1, cache_write_5m: 2, output: 10 } },
    },
  });
  const rest = [
    ...Array.from({ length: 50 }, () => delta(0, { type: 'text_delta', text: 'y' })),
    close(0),
    ending('end_turn'),
    stop,
  ];
  const reply = eventReply([...beginning, ...rest] as StreamEvent[], { piece: 1500, delay: 200 });
  fake.always(({ method }) => (method === 'POST' ? reply : undefined));
  const leaving = new AbortController();
  const { body } = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude/claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }], stream: true }),
    signal: leaving.signal,
  });
  await body!.getReader().read();
  leaving.abort();
  const row = (await gateway.ledgerRows(1))[0]!;
  expect(row).toMatchObject({ outcome: 'cancelled', usage_source: 'estimated', input: 90_512, cached: 90_000 });
  expect(row.output).toBeGreaterThanOrEqual(104);
  expect(row.cost_nano).toBe(12 * 1000 + 90_000 * 100 + 500 * 2000 + row.output! * 10_000);
});

it.each([1, 2, 3])('what was read is known from the beginning on, what is written is not (%s events)', (events) => {
  const { usage } = streamed(sse(beginning.slice(0, events)));
  expect(usage).toEqual({ input: 90_512, cached: 90_000, cache_write_5m: 500 });
});

it('what the beginning counted and the end does not is 0', () => {
  const corrected = { input_tokens: 90_512, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 7 };
  const { usage } = streamed(sse([...beginning, close(0), ending('end_turn', corrected), stop]));
  expect(usage).toEqual({ input: 90_512, cached: 0, cache_write_5m: 0, output: 7 });
});

it('a beginning that is repeated before anything was said is no second answer', () => {
  const { failure } = streamed(sse([start(), start(), ...beginning.slice(1), close(0), ending('end_turn'), stop]));
  expect(failure).toBeNull();
});

it('S10: an error in a stream ahead of any content is not charged, whatever was read', async () => {
  const fake = await startFakeAnthropic();
  const gateway = await startGateway({
    overlay: {
      providers: { claude: { type: 'anthropic', base_url: fake.url, api_key: fake.apiKey } },
      retries: { max_attempts: 1 },
    },
  });
  const reply = eventReply([beginning[0] as StreamEvent, overloadedEvent]);
  fake.always(({ method }) => (method === 'POST' ? reply : undefined));
  const { status } = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude/claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }], stream: true }),
  });
  expect(status).toBe(503);
  expect((await gateway.ledgerRows(1))[0]).toMatchObject({ outcome: 'failed', usage_source: 'none', input: 0, cost_nano: 0 });
});
