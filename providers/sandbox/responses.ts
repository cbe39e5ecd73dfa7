import type { LocalReply } from '../provider.ts';
import { type Answer, answerTo, deliverBody, deliverFrames, type Frame, type ToolCall } from './answer.ts';
import type { Behaviour } from './models.ts';
import type { Prompt } from './prompt.ts';
import { created, reply, sse } from './reply.ts';
import type { JsonObject } from './text.ts';

// The Responses API (openai-openapi `Response`, `ResponseStreamEvent`): named events with a sequence number, no `[DONE]`.

type Status = 'in_progress' | 'completed' | 'incomplete';

function textItem(id: string, text: string, status: Status): Record<string, unknown> {
  const content = status === 'in_progress' ? [] : [textPart(text)];
  return { id: `msg_${id.slice(0, 32)}`, type: 'message', status, role: 'assistant', content };
}

const textPart = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });

function callItem(call: ToolCall, id: string, at: number, args: string, status: Status): Record<string, unknown> {
  const place = `${id.slice(0, 28)}${String(at).padStart(4, '0')}`;
  return call.kind === 'custom'
    ? { id: `ctc_${place}`, type: 'custom_tool_call', status, call_id: call.id, name: call.name, input: args }
    : { id: `fc_${place}`, type: 'function_call', status, call_id: call.id, name: call.name, arguments: args };
}

/** The whole response object; the settings of the request come back as the API does it. */
function response(request: JsonObject, model: string, id: string, status: Status, output: readonly unknown[], usage: unknown) {
  return {
    id: `resp_${id.slice(0, 32)}`,
    object: 'response',
    created_at: created,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    model,
    output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: request.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    store: request.store ?? true,
    temperature: request.temperature ?? 1,
    text: request.text ?? { format: { type: 'text' } },
    tool_choice: request.tool_choice ?? 'auto',
    tools: request.tools ?? [],
    top_p: request.top_p ?? 1,
    truncation: request.truncation ?? 'disabled',
    usage,
    user: request.user ?? null,
    metadata: request.metadata ?? {},
  };
}

function usageOf(prompt: Prompt, answer: Answer): Record<string, unknown> {
  return {
    input_tokens: prompt.tokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: answer.tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: prompt.tokens + answer.tokens,
  };
}

function outputOf(answer: Answer, id: string, status: Status): readonly Record<string, unknown>[] {
  if (answer.text !== null) return [textItem(id, answer.text.join(''), status)];
  return answer.calls.map((call, at) => callItem(call, id, at, call.arguments.join(''), status));
}

function* textEvents(answer: Answer, id: string, status: Status): Generator<[Frame['part'], string, Record<string, unknown>]> {
  const text = answer.text?.join('') ?? '';
  const place = { item_id: `msg_${id.slice(0, 32)}`, output_index: 0, content_index: 0 };
  yield ['opening', 'response.output_item.added', { output_index: 0, item: textItem(id, '', 'in_progress') }];
  yield ['opening', 'response.content_part.added', { ...place, part: textPart('') }];
  for (const delta of answer.text ?? []) yield ['content', 'response.output_text.delta', { ...place, delta, logprobs: [] }];
  yield ['closing', 'response.output_text.done', { ...place, text, logprobs: [] }];
  yield ['closing', 'response.content_part.done', { ...place, part: textPart(text) }];
  yield ['closing', 'response.output_item.done', { output_index: 0, item: textItem(id, text, status) }];
}

function* callEvents(call: ToolCall, id: string, at: number): Generator<[Frame['part'], string, Record<string, unknown>]> {
  const args = call.arguments.join('');
  const place = { item_id: callItem(call, id, at, '', 'in_progress').id, output_index: at };
  const name = call.kind === 'custom' ? 'custom_tool_call_input' : 'function_call_arguments';
  yield ['content', 'response.output_item.added', { output_index: at, item: callItem(call, id, at, '', 'in_progress') }];
  for (const delta of call.arguments) yield ['content', `response.${name}.delta`, { ...place, delta }];
  yield ['content', `response.${name}.done`, { ...place, [call.kind === 'custom' ? 'input' : 'arguments']: args }];
  yield ['content', 'response.output_item.done', { output_index: at, item: callItem(call, id, at, args, 'completed') }];
}

function* frames(request: JsonObject, prompt: Prompt, answer: Answer, model: string, id: string): Generator<Frame> {
  let sequence = 0;
  const frame = (part: Frame['part'], type: string, data: Record<string, unknown>): Frame => ({
    part,
    bytes: sse({ type, sequence_number: sequence++, ...data }, type),
  });
  const status: Status = answer.finish === 'length' ? 'incomplete' : 'completed';
  const begun = response(request, model, id, 'in_progress', [], null);
  yield frame('opening', 'response.created', { response: begun });
  yield frame('opening', 'response.in_progress', { response: begun });
  if (answer.text !== null) for (const [part, type, data] of textEvents(answer, id, status)) yield frame(part, type, data);
  for (const [at, call] of answer.calls.entries())
    for (const [part, type, data] of callEvents(call, id, at)) yield frame(part, type, data);
  const ended = response(request, model, id, status, outputOf(answer, id, status), usageOf(prompt, answer));
  yield frame('closing', `response.${status}`, { response: ended });
}

/** Answers `POST /responses`. `id`: hex digest of the request. */
export function responsesReply(
  request: JsonObject,
  prompt: Prompt,
  behaviour: Extract<Behaviour, { kind: 'answer' }>,
  model: string,
  id: string,
): LocalReply {
  const answer = answerTo(prompt, behaviour, id);
  const { delivery } = behaviour;
  if (prompt.stream) {
    const steps = deliverFrames(frames(request, prompt, answer, model, id), delivery);
    return reply(200, 'text/event-stream; charset=utf-8', steps);
  }
  const status: Status = delivery.end === 'no-finish' ? 'in_progress' : answer.finish === 'length' ? 'incomplete' : 'completed';
  const body = response(request, model, id, status, outputOf(answer, id, status), usageOf(prompt, answer));
  return reply(200, 'application/json', deliverBody(Buffer.from(JSON.stringify(body)), delivery, answer.tokens));
}
