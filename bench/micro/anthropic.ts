import { readBody } from '../../plugins/body.ts';
import { anthropic } from '../../providers/anthropic/index.ts';
import { createInstance } from '../../providers/instance.ts';
import type { Call, Target, TranslationContext } from '../../providers/provider.ts';
import { requestBody, streamEvents } from '../messages.ts';
import { asJson, decoding, encoding, eventsAsJson, streaming } from './dialect.ts';
import type { Case } from './harness.ts';

// Both directions of the Messages API, each beside reading and writing the same bytes as JSON.

const model = 'claude-sonnet-4-6';
const provider = createInstance('bench', { type: 'anthropic', api_key: 'bench-key-0000' }, anthropic);
const target: Target = { id: `bench/${model}`, provider, model, weight: 1 };
const context: TranslationContext = { id: (prefix) => `${prefix}0123456789abcdefghijklmn`, now: () => 1_793_750_400_000 };

function callOf(bytes: Buffer): Call {
  const body = readBody(bytes);
  return {
    operation: 'chat',
    dialect: 'openai',
    body,
    stream: body.json.stream === true,
    streamUsage: true,
    dropped: new Set(),
    requireParameters: false,
    kept: new Map(),
  };
}

const reads = (page: number) => ({
  id: `call_read_${page}`,
  type: 'function',
  function: { name: 'read_page', arguments: JSON.stringify({ book: 'Walls and gates', page, notes: page % 2 === 0 }) },
});

/** A loop of six calls, two at a time, with a cached system prompt. */
const loop = Buffer.from(
  JSON.stringify({
    model,
    messages: [
      {
        role: 'system',
        content: [{ type: 'text', text: 'Read before you answer. '.repeat(30), cache_control: { type: 'ephemeral' } }],
      },
      { role: 'user', content: 'Which gates does the book describe, and on which pages?' },
      ...[1, 3, 5].flatMap((page) => [
        { role: 'assistant', content: null, tool_calls: [reads(page), reads(page + 1)] },
        { role: 'tool', tool_call_id: `call_read_${page}`, content: 'The wall has four gates and a postern. '.repeat(12) },
        { role: 'tool', tool_call_id: `call_read_${page + 1}`, content: 'Nothing of gates here. '.repeat(12) },
      ]),
    ],
    tools: ['read_page', 'find_word', 'list_books'].map((name) => ({
      type: 'function',
      function: {
        name,
        description: 'Looks into the library.',
        parameters: {
          type: 'object',
          properties: { book: { type: 'string' }, page: { type: 'integer', minimum: 1 }, notes: { type: 'boolean' } },
          required: ['book'],
        },
      },
    })),
    reasoning_effort: 'medium',
  }),
);

const image = Buffer.from(
  JSON.stringify({
    model,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${'iVBORw0KGgoA'.repeat(870_000)}` } },
        ],
      },
    ],
  }),
);

const usage = { input_tokens: 190, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 148 };
const message = (content: readonly object[], reason: string | null) => ({
  id: 'msg_01Bench0123456789abcdefg',
  type: 'message',
  role: 'assistant',
  model,
  content,
  stop_reason: reason,
  stop_sequence: null,
  usage,
});
const answer = Buffer.from(
  JSON.stringify(message([{ type: 'text', text: 'It is a small gate in the wall of a fortress. '.repeat(12) }], 'end_turn')),
);
const events: readonly object[] = [
  { type: 'message_start', message: message([], null) },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  ...Array.from({ length: streamEvents - 5 }, () => ({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: 'and so on for a while, ' },
  })),
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage },
  { type: 'message_stop' },
];
const payloads = events.map((event) => JSON.stringify(event));
const chunks = events.map((event, at) => Buffer.from(`event: ${(event as { type: string }).type}\ndata: ${payloads[at]}\n\n`));

const calls = { plain: callOf(requestBody(false)), loop: callOf(loop), image: callOf(image) };
const whole = anthropic.translate(calls.plain, target, context)!;
const streamed = anthropic.translate(callOf(requestBody(true)), target, context)!;

const encode = (name: string, call: Call) => encoding(`Anthropic request, ${name}`, anthropic, call, target, context);

/** Microseconds per request encoded, per whole answer decoded, per event of a stream. */
export const anthropicCases: readonly Case[] = [
  encode('two messages', calls.plain),
  asJson('loop of calls', loop),
  encode('loop of calls', calls.loop),
  asJson('image', image),
  encode('image', calls.image),
  asJson('Anthropic answer', answer),
  decoding('Anthropic answer, JSON', whole, answer),
  eventsAsJson('JSON.parse + JSON.stringify, per Anthropic event', payloads),
  streaming('Anthropic stream, per event', streamed, chunks),
];
