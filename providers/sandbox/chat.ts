import type { LocalReply } from '../provider.ts';
import { type Answer, answerTo, deliverBody, deliverFrames, type Frame, type ToolCall } from './answer.ts';
import type { Behaviour } from './models.ts';
import type { Prompt } from './prompt.ts';
import { created, reply, sse } from './reply.ts';

/** `system_fingerprint` of every answer: it marks the answer as no model's. */
const fingerprint = 'sandbox';

function usageOf(prompt: Prompt, answer: Answer): Record<string, unknown> {
  const completion = answer.tokens * prompt.choices;
  return {
    prompt_tokens: prompt.tokens,
    completion_tokens: completion,
    total_tokens: prompt.tokens + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** A call as `tool_calls` has it; its id says which choice it belongs to. */
function callBody(call: ToolCall, choice: number, args: string): Record<string, unknown> {
  const id = `${call.id}${choice === 0 ? '' : `_${choice}`}`;
  return call.kind === 'custom'
    ? { id, type: 'custom', custom: { name: call.name, input: args } }
    : { id, type: 'function', function: { name: call.name, arguments: args } };
}

function message(answer: Answer, choice: number): Record<string, unknown> {
  const content = answer.text === null ? null : answer.text.join('');
  const calls = answer.calls.map((call) => callBody(call, choice, call.arguments.join('')));
  return { role: 'assistant', content, refusal: null, annotations: [], ...(calls.length > 0 ? { tool_calls: calls } : {}) };
}

/** Deltas of one choice after its role: text, or calls as the API fragments them (id and name once, then arguments). */
function* deltas(answer: Answer, choice: number): Generator<Record<string, unknown>> {
  for (const content of answer.text ?? []) yield { content };
  for (const [index, call] of answer.calls.entries()) {
    yield { tool_calls: [{ index, ...callBody(call, choice, '') }] };
    for (const text of call.arguments) {
      yield {
        tool_calls: [{ index, ...(call.kind === 'custom' ? { custom: { input: text } } : { function: { arguments: text } }) }],
      };
    }
  }
}

function* frames(prompt: Prompt, answer: Answer, model: string, id: string): Generator<Frame> {
  const head = {
    id: `chatcmpl-${id.slice(0, 24)}`,
    object: 'chat.completion.chunk',
    created,
    model,
    system_fingerprint: fingerprint,
  };
  const usage = prompt.streamUsage ? { usage: null } : {};
  const indexes = Array.from({ length: prompt.choices }, (_, index) => index);
  const chunk = (part: Frame['part'], index: number, delta: unknown, finish: string | null): Frame => ({
    part,
    bytes: sse({ ...head, choices: [{ index, delta, logprobs: null, finish_reason: finish }], ...usage }),
  });
  for (const index of indexes)
    yield chunk('opening', index, { role: 'assistant', content: answer.text === null ? null : '', refusal: null }, null);
  const streams = indexes.map((index) => deltas(answer, index));
  for (let open = true; open; ) {
    open = false;
    for (const [index, stream] of streams.entries()) {
      const next = stream.next();
      if (next.done) continue;
      open = true;
      yield chunk('content', index, next.value, null);
    }
  }
  for (const index of indexes) yield chunk('closing', index, {}, answer.finish);
  if (prompt.streamUsage) yield { part: 'closing', bytes: sse({ ...head, choices: [], usage: usageOf(prompt, answer) }) };
  yield { part: 'closing', bytes: sse('[DONE]') };
}

/** Answers `POST /chat/completions`. `id`: hex digest of the request. */
export function chatReply(
  prompt: Prompt,
  behaviour: Extract<Behaviour, { kind: 'answer' }>,
  model: string,
  id: string,
): LocalReply {
  const answer = answerTo(prompt, behaviour, id);
  const { delivery } = behaviour;
  if (prompt.stream) {
    return reply(200, 'text/event-stream; charset=utf-8', deliverFrames(frames(prompt, answer, model, id), delivery));
  }
  const finish = delivery.end === 'no-finish' ? null : answer.finish;
  const body = {
    id: `chatcmpl-${id.slice(0, 24)}`,
    object: 'chat.completion',
    created,
    model,
    choices: Array.from({ length: prompt.choices }, (_, index) => ({
      index,
      message: message(answer, index),
      logprobs: null,
      finish_reason: finish,
    })),
    usage: usageOf(prompt, answer),
    system_fingerprint: fingerprint,
  };
  return reply(200, 'application/json', deliverBody(Buffer.from(JSON.stringify(body)), delivery, answer.tokens));
}
