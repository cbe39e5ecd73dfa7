import type { ChatResponse, Choice, Part } from '../../unified.ts';
import { isObject, type JsonObject, protocolError } from '../../wire/json.ts';
import { readChatUsage, writeChatUsage } from '../usage.ts';
import { decodeAssistant, writeAssistant } from './assistant.ts';
import { DIALECT, overlay, own, residue } from './carry.ts';
import { mergeDelta, replaceMembers } from './delta.ts';
import { finishReason } from './finish.ts';
import { choiceIndex } from './measure.ts';

/**
 * What only this dialect says about a choice, as the extension of a `Choice` and as the value of a `foreign` event: members of
 * the message (or delta), of the choice, of the whole document, or of the tool call numbered `call`.
 */
export interface Extra {
  readonly message?: JsonObject;
  readonly choice?: JsonObject;
  readonly response?: JsonObject;
  readonly call?: number;
  readonly tool_call?: JsonObject;
}

/** A chat completion. Throws `TranslationError` for choices that cannot be used; errors inside a 200 are found before. */
export function decodeResponse(body: JsonObject): ChatResponse {
  if (!Array.isArray(body.choices)) return protocolError('The provider answered without "choices".');
  const response: ChatResponse = {
    id: typeof body.id === 'string' ? body.id : '',
    created: typeof body.created === 'number' ? body.created : 0,
    model: typeof body.model === 'string' ? body.model : '',
    choices: body.choices.map(decodeChoice),
    usage: readChatUsage(body.usage),
    ...(typeof body.service_tier === 'string' || body.service_tier === null ? { serviceTier: body.service_tier } : {}),
  };
  const extra = residue(body, writeResponse(response, {}), ['choices', 'usage']);
  // Kept although `serviceTier` says it: a stream's start event has no place for it but the extension.
  if (Object.hasOwn(body, 'service_tier')) extra.service_tier = body.service_tier;
  if (isObject(body.usage) && response.usage !== null) extra.usage = residue(body.usage, writeChatUsage(response.usage));
  return { ...response, extensions: { [DIALECT]: extra } };
}

function decodeChoice(raw: unknown, position: number): Choice {
  const index = isObject(raw) ? (raw.index === undefined ? position : choiceIndex(raw.index)) : null;
  if (!isObject(raw) || index === null || !isObject(raw.message)) {
    return protocolError('The provider answered with a choice that has no message or an invalid index.');
  }
  const choice: Choice = {
    index,
    parts: decodeAssistant(raw.message),
    finishReason: finishReason(raw.finish_reason),
    ...(raw.logprobs === undefined || raw.logprobs === null ? {} : { logprobs: raw.logprobs }),
  };
  const extra: Extra = {
    message: residue(raw.message, writeAssistant(choice.parts, 'response', true)),
    choice: residue(raw, writeChoice(choice, {}), ['message']),
  };
  return { ...choice, extensions: { [DIALECT]: extra as Record<string, unknown> } };
}

/** A chat completion as this dialect writes it. */
export function encodeResponse(response: ChatResponse): Record<string, unknown> {
  const hoisted: Record<string, unknown> = {};
  const written = writeResponse(response, hoisted);
  const { usage, ...extra } = own(response.extensions) ?? {};
  const result = overlay({ ...written, ...hoisted }, extra);
  if (usage === undefined) return result;
  result.usage = isObject(usage) && isObject(written.usage) ? overlay(written.usage as Record<string, unknown>, usage) : usage;
  return result;
}

function writeResponse(response: ChatResponse, hoisted: Record<string, unknown>): Record<string, unknown> {
  return {
    id: response.id,
    object: 'chat.completion',
    created: response.created,
    model: response.model,
    choices: response.choices.map((choice) => writeChoice(choice, hoisted)),
    ...(response.usage === null ? {} : { usage: writeChatUsage(response.usage) }),
    ...(response.serviceTier === undefined ? {} : { service_tier: response.serviceTier }),
  };
}

/** `hoisted` collects members of the document that came with a choice's events. */
function writeChoice(choice: Choice, hoisted: Record<string, unknown>): Record<string, unknown> {
  const streamed: Extra[] = [];
  const parts: Part[] = [];
  for (const part of choice.parts) {
    if (part.type !== 'foreign') parts.push(part);
    else if (part.dialect === DIALECT && isObject(part.value)) streamed.push(part.value as Extra);
  }
  const message = writeAssistant(parts, 'response', true);
  const members: Record<string, unknown> = { logprobs: choice.logprobs ?? null };
  for (const extra of streamed) {
    if (isObject(extra.message)) mergeMessage(message, extra.message);
    // Only log probabilities continue; what else a chunk says about the choice or the document replaces what was said before.
    const { logprobs, ...latest } = extra.choice ?? {};
    replaceMembers(members, latest);
    if (isObject(logprobs)) mergeDelta(members, { logprobs });
    replaceMembers(hoisted, extra.response);
    const call = Array.isArray(message.tool_calls) && typeof extra.call === 'number' ? message.tool_calls[extra.call] : undefined;
    if (isObject(call) && isObject(extra.tool_call)) mergeDelta(call as Record<string, unknown>, extra.tool_call);
  }
  const extra = own(choice.extensions) as Extra | undefined;
  const written = {
    index: choice.index,
    message: overlay(message, extra?.message),
    finish_reason: choice.finishReason,
    ...members,
  };
  return overlay(written, extra?.choice);
}

/** `reasoning: true` is a note of the stream decoder: this upstream spells `reasoning_content` that way. */
function mergeMessage(message: Record<string, unknown>, delta: JsonObject): void {
  if (delta.reasoning === true) {
    if ('reasoning_content' in message) message.reasoning = message.reasoning_content;
    delete message.reasoning_content;
    return;
  }
  mergeDelta(message, delta);
}
