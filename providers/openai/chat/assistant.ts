import type { AudioPart, CitationPart, Part, ToolCallPart } from '../../unified.ts';
import { isObject, type JsonObject, textOf } from '../../wire/json.ts';
import { DIALECT, overlay, own, residue } from './carry.ts';
import { decodePart, encodePart } from './parts.ts';

/** `request`: a turn of history sent upstream. `response`: an answer written for a client. */
export type Direction = 'request' | 'response';

/** The parts of an assistant message, of a request's history or of an answer: reasoning, text, refusal, tool calls, sound. */
export function decodeAssistant(raw: JsonObject): Part[] {
  const parts: Part[] = [];
  const reasoning = textOf(raw.reasoning_content) ?? textOf(raw.reasoning);
  if (reasoning !== null) parts.push({ type: 'reasoning', text: reasoning });
  parts.push(...decodeContent(raw.content));
  if (typeof raw.refusal === 'string') parts.push({ type: 'refusal', text: raw.refusal });
  if (Array.isArray(raw.images)) for (const image of raw.images) parts.push(decodePart(image));
  if (Array.isArray(raw.tool_calls)) for (const call of raw.tool_calls) parts.push(decodeToolCall(call));
  const signature = signatureOf(raw);
  if (signature !== null) parts.push({ type: 'reasoning', text: '', signature, dialect: SIGNER });
  if (isObject(raw.audio) && typeof raw.audio.id === 'string') {
    parts.push({ type: 'audio', source: { kind: 'file', id: raw.audio.id } });
  }
  return parts;
}

/** `content`: text, parts, or nothing. Mistral's reasoning models answer with parts of type `thinking`. */
export function decodeContent(content: unknown): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) return [];
  return content.map((raw: unknown) => {
    if (!isObject(raw) || raw.type !== 'thinking' || !Array.isArray(raw.thinking)) return decodePart(raw);
    const text = raw.thinking
      .map((inner: unknown) => (isObject(inner) && typeof inner.text === 'string' ? inner.text : ''))
      .join('');
    return { type: 'reasoning', text };
  });
}

/** An assistant message from parts, before its own extension is laid over. `exact`: the message was read in this dialect. */
export function writeAssistant(parts: readonly Part[], direction: Direction, exact: boolean): Record<string, unknown> {
  const reasoning: string[] = [];
  const content: Part[] = [];
  const refusals: string[] = [];
  const calls: Record<string, unknown>[] = [];
  const images: unknown[] = [];
  const annotations: unknown[] = [];
  let audio: Record<string, unknown> | null = null;
  let signature: string | undefined;
  for (const part of parts) {
    if (part.type === 'reasoning') {
      const foreign = part.dialect !== undefined && part.dialect !== DIALECT;
      if (direction === 'response' || !foreign) reasoning.push(part.text);
      if ((direction === 'response' || exact) && part.text === '' && part.dialect === SIGNER) ({ signature } = part);
    } else if (part.type === 'tool_call') calls.push(encodeToolCall(part, direction === 'response' || exact));
    else if (part.type === 'refusal' && own(part.extensions) === undefined) refusals.push(part.text);
    else if (part.type === 'audio' && part.source.kind === 'file') audio = { id: part.source.id };
    else if (part.type === 'audio' && direction === 'response') audio = writeAudio(part);
    else if (part.type === 'image') images.push(encodePart(part));
    else if (part.type === 'citation') annotations.push(writeCitation(part));
    else content.push(part);
  }
  const thought = reasoning.join('');
  // The API answers null only where something else stands for the text; clients read it as one otherwise.
  const silent = direction === 'response' && calls.length === 0 && refusals.length === 0 && audio === null;
  return {
    role: 'assistant',
    content: encodeContent(content, direction) ?? (silent ? '' : null),
    ...(refusals.length > 0 ? { refusal: refusals.join('') } : direction === 'response' ? { refusal: null } : {}),
    ...(thought === '' ? {} : { reasoning_content: thought }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(audio === null ? {} : { audio }),
    ...(images.length === 0 ? {} : { images }),
    ...(annotations.length === 0 || direction === 'request' ? {} : { annotations }),
    ...(signature === undefined ? {} : writeSignature(signature)),
  };
}

/** Spoken answer (openai-openapi `ChatCompletionResponseMessage.audio`). It is kept nowhere, so it has expired already. */
export function writeAudio(part: AudioPart): Record<string, unknown> {
  const data = part.source.kind === 'data' ? part.source.data : '';
  return { id: '', data, expires_at: 0, transcript: part.transcript ?? '' };
}

export function writeCitation(part: CitationPart): Record<string, unknown> {
  const { url, title = '', start = 0, end = 0 } = part;
  return { type: 'url_citation', url_citation: { start_index: start, end_index: end, url, title } };
}

/** `content` for parts: null for none, a string for plain text, else an array. An answer's content is text only. */
export function encodeContent(parts: readonly Part[], direction: Direction): unknown {
  if (parts.length === 0) return null;
  if (direction === 'response' || (parts.length === 1 && isPlain(parts[0]!))) {
    const texts = parts.filter((part) => part.type === 'text');
    return texts.length === 0 ? null : texts.map((part) => part.text).join('');
  }
  return parts.map(encodePart);
}

/** A text that needs no part around it: neither read as one nor marked for caching. */
function isPlain(part: Part): boolean {
  return part.type === 'text' && own(part.extensions) === undefined && part.cache?.mode === undefined;
}

/** The dialect whose thought signatures have a place in the API, on a tool call or a message. */
export const SIGNER = 'gemini';

export function writeSignature(signature: string): Record<string, unknown> {
  return { extra_content: { google: { thought_signature: signature } } };
}

/** Where Gemini's OpenAI-compatible endpoint puts a thought signature: `extra_content.google.thought_signature`. */
export function signatureOf(call: JsonObject): string | null {
  const google = isObject(call.extra_content) ? call.extra_content.google : undefined;
  return isObject(google) ? textOf(google.thought_signature) : null;
}

function decodeToolCall(raw: unknown): Part {
  const call = isObject(raw) ? readToolCall(raw) : null;
  if (call === null) return { type: 'foreign', dialect: DIALECT, value: raw };
  const extra = residue(raw as JsonObject, writeToolCall(call, true));
  return Object.keys(extra).length === 0 ? call : { ...call, extensions: { [DIALECT]: extra } };
}

function readToolCall(raw: JsonObject): ToolCallPart | null {
  const custom = isObject(raw.custom) ? raw.custom : null;
  const called = custom ?? (isObject(raw.function) ? raw.function : null);
  if (called === null || typeof called.name !== 'string') return null;
  const text = custom === null ? called.arguments : called.input;
  const signature = signatureOf(raw);
  return {
    type: 'tool_call',
    kind: custom === null ? 'function' : 'custom',
    id: typeof raw.id === 'string' ? raw.id : '',
    name: called.name,
    // Ollama and others have sent arguments as an object; the API defines JSON text.
    arguments: typeof text === 'string' ? text : isObject(text) ? JSON.stringify(text) : '',
    ...(signature === null ? {} : { signature, dialect: SIGNER }),
  };
}

function encodeToolCall(part: ToolCallPart, signature: boolean): Record<string, unknown> {
  return overlay(writeToolCall(part, signature), own(part.extensions));
}

/** A tool call as the API writes it in a message. */
export function writeToolCall(part: Omit<ToolCallPart, 'type'>, signature: boolean): Record<string, unknown> {
  const { id, kind, name, arguments: text } = part;
  const own = signature && part.signature !== undefined && part.dialect === SIGNER ? writeSignature(part.signature) : {};
  return {
    id,
    type: kind,
    ...(kind === 'custom' ? { custom: { name, input: text } } : { function: { name, arguments: text } }),
    ...own,
  };
}
