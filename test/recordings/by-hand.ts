import type { Reply } from './client.ts';
import { type ExpectedAnswer, emptyChoice } from './expected.ts';
import type { UpstreamAnswer } from './upstream-answers.ts';

// An answer made by hand, and a client's stream of it that is right.

export const expected: ExpectedAnswer = {
  kind: 'answer',
  model: 'm-1',
  usage: { input: 30, output: 12, cached: 8, reasoning: 5, total: 42 },
  choices: [
    {
      ...emptyChoice,
      text: 'Grüße, 世界',
      reasoning: 'two calls',
      finish: 'tool_calls',
      calls: [
        { name: 'look', arguments: '{"at":"sky"}', signature: 'c2lnLTE=' },
        { name: 'look', arguments: '{}', signature: null },
      ],
      images: ['aW1n'],
      sources: ['https://example.test/a'],
      signatures: ['c2lnLTI='],
      tokens: ['Gr', 'üße'],
    },
  ],
};

export const answer: UpstreamAnswer = {
  name: 'by hand',
  provider: 'gemini',
  dialect: 'gemini',
  operation: 'chat',
  model: 'm-1',
  status: 200,
  headers: {},
  body: Buffer.alloc(0),
  streamed: true,
  expected,
};

/** JSON that tests reach into and change. */
// biome-ignore lint/suspicious/noExplicitAny: the paths into it are the test's own.
export type Any = Record<string, any>;

export const usage = {
  prompt_tokens: 30,
  completion_tokens: 12,
  total_tokens: 42,
  prompt_tokens_details: { cached_tokens: 8 },
  completion_tokens_details: { reasoning_tokens: 5 },
};
export const signature = (thought_signature: string) => ({ extra_content: { google: { thought_signature } } });
const call = (index: number, id: string, more: object = {}) => ({
  tool_calls: [{ index, id, type: 'function', function: { name: 'look', arguments: '' }, ...more }],
});
const fragment = (index: number, text: string) => ({ tool_calls: [{ index, function: { arguments: text } }] });
export const logprobs = { content: [{ token: 'Gr' }, { token: 'üße' }], refusal: null };

/** The right chunks, made anew for each test to change. */
export function chunks(): Any[] {
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'm-1' };
  const chunk = (delta: object, more: object = {}) => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...more }],
    usage: null,
  });
  return [
    chunk({ role: 'assistant', content: '', refusal: null }),
    chunk({ reasoning_content: 'two calls' }),
    chunk({ content: 'Grüße, ' }, { logprobs }),
    chunk({ content: '世界' }),
    chunk({ images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aW1n' } }] }),
    chunk({ annotations: [{ type: 'url_citation', url_citation: { url: 'https://example.test/a' } }] }),
    chunk(signature('c2lnLTI=')),
    chunk(call(0, 'call_1', signature('c2lnLTE='))),
    chunk(fragment(0, '{"at":')),
    chunk(fragment(0, '"sky"}')),
    chunk(call(1, 'call_2')),
    chunk(fragment(1, '{}')),
    chunk({}, { finish_reason: 'tool_calls' }),
    { ...head, choices: [], usage },
  ];
}

export const reply = (body: Buffer, headers: Record<string, string> = {}, status = 200): Reply => ({
  status,
  headers: new Headers(headers),
  body,
});

/** Chunks as the bytes of a stream. */
export function framed(list: readonly unknown[], end = 'data: [DONE]\n\n'): Buffer {
  return Buffer.from(list.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + end);
}

export const asking = { mark: '', stream: true, usage: true, base64: false };
/** What a chunk adds. */
export const delta = (list: Any[], at: number): Any => list[at]!.choices[0].delta;
