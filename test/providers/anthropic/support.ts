import { anthropic } from '../../../providers/anthropic/index.ts';
import { type Call, type Target, type Translation, TranslationError, type UpstreamFailure } from '../../../providers/provider.ts';
import { callOf, contextOf, payloads, play, targetOf } from '../support.ts';

type Json = Record<string, unknown>;

export const headers = { 'x-api-key': 'sk-ant-test-000011112222', 'anthropic-version': '2023-06-01' };

export function anthropicTarget(model: string, config: Json = {}): Target {
  const provider = {
    name: 'claude',
    type: anthropic,
    config: { type: 'anthropic', ...config } as Target['provider']['config'],
    headers,
  };
  return targetOf(provider, { id: `claude/${model}`, model });
}

export interface Ask {
  readonly model?: string;
  readonly config?: Json;
  readonly call?: Partial<Call>;
}

/** A client's request on its way to a model; `hi` where no messages are given. */
export function translation(body: Json, { model = 'claude-sonnet-4-5', config, call }: Ask = {}): Translation {
  const whole = { model: 'any', messages: [{ role: 'user', content: 'hi' }], ...body };
  return anthropic.translate(callOf(whole, call), anthropicTarget(model, config), contextOf())!;
}

export interface Sent {
  readonly body: Json;
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly ignored: readonly string[];
}

/** What the upstream is sent. */
export function sent(body: Json, ask?: Ask): Sent {
  const { request, ignored = [] } = translation(body, ask);
  return { body: JSON.parse(request.body!.toString()) as Json, headers: request.headers, path: request.path, ignored };
}

/** The failure a request is refused with; throws when it is not. */
export function refusal(body: Json, ask?: Ask): UpstreamFailure {
  try {
    translation(body, ask);
  } catch (error) {
    if (error instanceof TranslationError) return error.failure;
    throw error;
  }
  throw new Error('The request was translated.');
}

/** Events of the API as the bytes of a stream; `newline` ends a line. */
export function sse(events: readonly Json[], newline = '\n', named = true): Buffer {
  const frame = (event: Json) =>
    `${named ? `event: ${String(event.type)}${newline}` : ''}data: ${JSON.stringify(event)}   ${newline}${newline}`;
  return Buffer.from(events.map(frame).join(''));
}

export const start = (message: Json = {}): Json => ({
  type: 'message_start',
  message: {
    id: 'msg_01Fixture',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5-20250929',
    content: [],
    stop_reason: null,
    usage: { input_tokens: 10, output_tokens: 1 },
    ...message,
  },
});
export const open = (index: number, block: Json): Json => ({ type: 'content_block_start', index, content_block: block });
export const delta = (index: number, value: Json): Json => ({ type: 'content_block_delta', index, delta: value });
export const close = (index: number): Json => ({ type: 'content_block_stop', index });
export const ending = (reason: string, usage: Json = { output_tokens: 7 }, more: Json = {}): Json => ({
  type: 'message_delta',
  delta: { stop_reason: reason, stop_sequence: null, ...more },
  usage,
});
export const stop: Json = { type: 'message_stop' };
export const ping: Json = { type: 'ping' };

/** A whole message as the API answers it. */
export const message = (content: readonly Json[], more: Json = {}): Json => ({
  id: 'msg_01Fixture',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 7 },
  ...more,
});

/** What a client that wants JSON gets for a whole message. */
export function answer(document: unknown, body: Json = {}, ask?: Ask) {
  const { bytes, ...readings } = translation(body, ask).json(Buffer.from(JSON.stringify(document)));
  return { body: JSON.parse(bytes.toString()) as Json, ...readings };
}

/** What a client that wants a stream gets for one. */
export function streamed(bytes: Buffer, body: Json = {}, ask?: Ask, cuts: readonly number[] = []) {
  const translator = translation({ stream: true, stream_options: { include_usage: true }, ...body }, ask).stream();
  const out = play(translator, bytes, cuts);
  const { failure, usage, kept, model, completed, content } = translator;
  return { out, chunks: payloads(out), failure, usage, kept, model, completed, content };
}

/** What a client that wants JSON gets for a stream. */
export function aggregated(bytes: Buffer, body: Json = {}, ask?: Ask) {
  const translator = translation(body, ask).aggregate();
  play(translator, bytes);
  const { bytes: json, ...readings } = translator.result();
  return { body: JSON.parse(json.toString()) as Json, ...readings };
}
