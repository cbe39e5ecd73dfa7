import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One hand-written stream of test/fixtures/streams. */
export interface StreamFixture {
  readonly name: string;
  readonly bytes: Buffer;
  readonly operation: 'chat' | 'responses';
  /** Offset behind the first event that gives content away. */
  readonly contentEnd: number;
  /** Offset behind the event with which the answer is whole: the last finish_reason, `response.completed`. */
  readonly completeEnd: number;
  /** Offset behind the terminal event: `[DONE]`, `response.completed`. */
  readonly finishedEnd: number;
}

const folder = join(import.meta.dirname, '../fixtures/streams');
const chatNames = ['text', 'unicode', 'tools', 'reasoning', 'usage', 'choices', 'refusal'];
const responsesNames = ['responses-text', 'responses-tools'];

function load(name: string, operation: 'chat' | 'responses'): StreamFixture {
  const bytes = readFileSync(join(folder, `${name}.sse`));
  const ends: { text: string; end: number }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\n\n', at) + 2;
    ends.push({ text: bytes.toString('utf8', at, end), end });
    at = end;
  }
  const last = (test: RegExp) => ends.findLast((event) => test.test(event.text))!.end;
  const first = (test: RegExp) => ends.find((event) => test.test(event.text))!.end;
  if (operation === 'responses') {
    const completed = last(/^event: response\.completed/);
    return { name, bytes, operation, contentEnd: first(/\.delta"/), completeEnd: completed, finishedEnd: completed };
  }
  return {
    name,
    bytes,
    operation,
    contentEnd: first(/"(?:content|reasoning_content|refusal)":"[^"]|"tool_calls"/),
    completeEnd: last(/"finish_reason":"/),
    finishedEnd: last(/\[DONE\]/),
  };
}

export const chatStreams: readonly StreamFixture[] = chatNames.map((name) => load(name, 'chat'));
export const responsesStreams: readonly StreamFixture[] = responsesNames.map((name) => load(name, 'responses'));
export const allStreams: readonly StreamFixture[] = [...chatStreams, ...responsesStreams];

export function streamNamed(name: string): StreamFixture {
  const found = allStreams.find((stream) => stream.name === name);
  if (found === undefined) throw new Error(`No fixture is named ${name}.`);
  return found;
}

/** Path of the API and body that ask for a stream, with `ask` for the scripted upstream to read. */
export function streamRequest(stream: StreamFixture, ask: string): { path: string; body: Record<string, unknown> } {
  if (stream.operation === 'responses') return { path: '/v1/responses', body: { model: 'm', input: ask, stream: true } };
  return {
    path: '/v1/chat/completions',
    body: { model: 'm', messages: [{ role: 'user', content: ask }], stream: true, stream_options: { include_usage: true } },
  };
}

/** What `streamRequest` put there. */
export function askOf(json: unknown): string {
  const body = json as { input?: string; messages?: { content: string }[] };
  return body.input ?? body.messages?.[0]?.content ?? '';
}

/** Everything a caller of a chat stream gets to see, in one comparable string. */
export function digest(chunks: readonly unknown[]): string {
  const seen = new Map<string, string>();
  const add = (key: string, text: unknown) => {
    if (typeof text === 'string') seen.set(key, (seen.get(key) ?? '') + text);
  };
  for (const each of chunks as { choices?: { index: number; delta: Record<string, unknown>; finish_reason: unknown }[] }[]) {
    for (const { index, delta, finish_reason } of each.choices ?? []) {
      for (const field of ['content', 'reasoning_content', 'refusal']) add(`${index} ${field}`, delta[field]);
      add(`${index} finish_reason`, finish_reason);
      for (const call of (delta.tool_calls ?? []) as { index: number; function: { name?: string; arguments?: string } }[]) {
        add(`${index} call ${call.index}`, call.function.name);
        add(`${index} call ${call.index}`, call.function.arguments);
      }
    }
  }
  return JSON.stringify([...seen].sort());
}
