import OpenAI from 'openai';
import type { ExpectedAnswer, Json } from './expected.ts';
import { expectedOfResponse, gathered } from './oracle-openai.ts';
import type { UpstreamAnswer } from './upstream-answers.ts';

/** How one recorded answer is asked for. */
export interface Asking {
  /** Found in the request by the upstream, which answers accordingly. */
  readonly mark: string;
  readonly stream: boolean;
  /** Chat streams: the client wants to see usage. */
  readonly usage: boolean;
  readonly base64: boolean;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Asks `gateway` for an answer of this kind, as an OpenAI client would. `extra`: members of the request beside or instead of these. */
export async function ask(
  gateway: string,
  model: string,
  answer: UpstreamAnswer,
  asking: Asking,
  extra: Json = {},
): Promise<Reply> {
  const paths = { chat: 'chat/completions', responses: 'responses', embeddings: 'embeddings' } as const;
  const response = await fetch(`${gateway}/v1/${paths[answer.operation]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, ...requestOf(answer, asking), ...extra }),
  });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

function requestOf(answer: UpstreamAnswer, asking: Asking): Json {
  const stream = asking.stream ? { stream: true } : {};
  switch (answer.operation) {
    case 'responses':
      return { input: asking.mark, ...stream };
    case 'embeddings': {
      const wanted = answer.expected.kind === 'vectors' ? answer.expected.vectors.length : 1;
      const input = wanted === 1 ? asking.mark : Array.from({ length: wanted }, () => asking.mark);
      return { input, encoding_format: asking.base64 ? 'base64' : 'float' };
    }
    case 'chat': {
      const names =
        answer.expected.kind === 'answer' ? answer.expected.choices.flatMap(({ calls }) => calls.map(({ name }) => name)) : [];
      const tools = [...new Set(names)].map((name) => ({ type: 'function', function: { name, parameters: { type: 'object' } } }));
      const options = asking.stream && asking.usage ? { stream_options: { include_usage: true } } : {};
      return {
        messages: [{ role: 'user', content: asking.mark }],
        ...(tools.length === 0 ? {} : { tools }),
        ...stream,
        ...options,
      };
    }
  }
}

/** What the official SDK makes of the bytes of a stream. Rejects as it does. */
export async function accumulated(operation: 'chat' | 'responses', body: Buffer): Promise<ExpectedAnswer> {
  const client = new OpenAI({
    apiKey: 'unused',
    maxRetries: 0,
    logLevel: 'off',
    fetch: async () => new Response(new Uint8Array(body), { headers: { 'content-type': 'text/event-stream' } }),
  });
  if (operation === 'responses') {
    const response = await client.responses.stream({ model: 'm', input: 'x' }).finalResponse();
    return expectedOfResponse(response as unknown as Json);
  }
  const messages = [{ role: 'user' as const, content: 'x' }];
  const completion = await client.chat.completions.stream({ model: 'm', messages }).finalChatCompletion();
  return gathered([completion as unknown as Json]);
}
