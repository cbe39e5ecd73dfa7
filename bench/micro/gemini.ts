import { gemini } from '../../providers/gemini/index.ts';
import { createInstance } from '../../providers/instance.ts';
import type { Call, Target, TranslationContext } from '../../providers/provider.ts';
import { scanMembers } from '../../providers/wire/members.ts';
import { requestBody, streamEvents } from '../messages.ts';
import { asJson, decoding, encoding, eventsAsJson, streaming } from './dialect.ts';
import type { Case } from './harness.ts';

// Both directions of the Gemini dialect, each beside reading and writing the same bytes as JSON.

const model = 'gemini-3-flash-preview';
const provider = createInstance('bench', { type: 'gemini', api_key: 'bench-key-0000' }, gemini);
const target: Target = { id: `bench/${model}`, provider, model, weight: 1 };
const context: TranslationContext = { id: (prefix) => `${prefix}0123456789abcdefghijklmn`, now: () => 1_793_750_400_000 };

function callOf(bytes: Buffer): Call {
  const json = JSON.parse(bytes.toString()) as Record<string, unknown>;
  return {
    operation: 'chat',
    dialect: 'openai',
    body: { bytes, json, members: scanMembers(bytes) },
    stream: json.stream === true,
    streamUsage: true,
    dropped: new Set(),
    requireParameters: false,
    kept: new Map(),
  };
}

const tool = (name: string) => ({
  type: 'function',
  function: {
    name,
    description: 'Finds what is known about a place.',
    parameters: {
      type: 'object',
      properties: {
        place: { type: 'string', description: 'Town or address' },
        depth: { type: 'integer' },
        all: { type: 'boolean' },
      },
      required: ['place'],
      additionalProperties: false,
    },
  },
});

/** The third turn of a conversation with parallel calls: about 5 kB. */
const toolRequest = Buffer.from(
  JSON.stringify({
    model,
    messages: [
      { role: 'system', content: 'Answer from what the tools say.' },
      ...[1, 2].flatMap((round) => [
        { role: 'user', content: `Question ${round} about two places, and what lies between them.` },
        {
          role: 'assistant',
          content: null,
          tool_calls: ['a', 'b'].map((name) => ({
            id: `call_${round}${name}`,
            type: 'function',
            function: { name: 'lookup', arguments: JSON.stringify({ place: `Place ${name}`, depth: round, all: true }) },
          })),
        },
        ...['a', 'b'].map((name) => ({
          role: 'tool',
          tool_call_id: `call_${round}${name}`,
          content: JSON.stringify({ place: name, found: 3, text: 'It stands by the river. '.repeat(20) }),
        })),
      ]),
    ],
    tools: ['lookup', 'measure', 'compare'].map(tool),
  }),
);

const usageMetadata = { promptTokenCount: 190, candidatesTokenCount: 148, thoughtsTokenCount: 60, totalTokenCount: 398 };
const documentOf = (text: string, finishReason?: string) => ({
  candidates: [
    { content: { role: 'model', parts: [{ text }] }, index: 0, ...(finishReason === undefined ? {} : { finishReason }) },
  ],
  usageMetadata,
  modelVersion: model,
  responseId: 'bench-response-01',
});
const answer = Buffer.from(JSON.stringify(documentOf('It is a small gate in the wall of a fortress. '.repeat(12), 'STOP')));
const stream = Array.from({ length: streamEvents }, (_, at) =>
  Buffer.from(
    `data: ${JSON.stringify(documentOf('and so on for a while, ', at === streamEvents - 1 ? 'STOP' : undefined))}\r\n\r\n`,
  ),
);
const payloads = stream.map((chunk) => chunk.toString('utf8', 6).trimEnd());

const plain = callOf(requestBody(false));
const withTools = callOf(toolRequest);
const streamed = callOf(requestBody(true));
const translation = gemini.translate(plain, target, context)!;
const streamTranslation = gemini.translate(streamed, target, context)!;

const encode = (name: string, call: Call) => encoding(`Gemini request, ${name}`, gemini, call, target, context);

/** Microseconds per request encoded, per whole answer decoded, per event of a stream. */
export const geminiCases: readonly Case[] = [
  asJson('request', plain.body.bytes),
  encode('two messages', plain),
  asJson('request with tools', toolRequest),
  encode('tools and two rounds of calls', withTools),
  asJson('Gemini answer', answer),
  decoding('Gemini answer, JSON', translation, answer),
  eventsAsJson('JSON.parse + JSON.stringify, per Gemini event', payloads),
  streaming('Gemini stream, per event', streamTranslation, stream),
];
