import { textPieces } from '../prompt.ts';
import type { FakeReply, FakeRequest } from '../server.ts';
import type { Answer } from './answer.ts';
import type { GeminiError } from './errors.ts';
import type { Canonical } from './proto.ts';

/**
 * The chunks of an answer: text in pieces, calls one by one, usage on every chunk and growing, the reason only on the last
 * one of each candidate. A signature of text comes alone at the end, on an empty text (recorded).
 */
export function toChunks(answer: Answer): Canonical[] {
  const chunks: Canonical[] = [];
  const prompt = answer.usage.promptTokenCount as number;
  const thoughts = (answer.usage.thoughtsTokenCount as number | undefined) ?? 0;
  const early = { ...answer.usage, candidatesTokenCount: undefined, totalTokenCount: prompt + thoughts };
  const push = (index: number, parts: readonly Canonical[], finishReason?: string) => {
    const content = parts.length === 0 ? { role: 'model' } : { parts, role: 'model' };
    chunks.push({
      candidates: [{ content, ...(finishReason === undefined ? {} : { finishReason }), index }],
      usageMetadata: finishReason === undefined ? early : answer.usage,
      modelVersion: answer.modelVersion,
      responseId: answer.responseId,
    });
  };
  for (const [index, candidate] of answer.candidates.entries()) {
    const pieces = candidate.parts.flatMap(splitPart);
    for (const piece of pieces.slice(0, -1)) push(index, [piece]);
    push(index, pieces.slice(-1), candidate.finishReason);
  }
  return chunks;
}

function splitPart(part: Canonical): Canonical[] {
  const { text, thoughtSignature } = part;
  if (typeof text !== 'string' || part.thought === true) return [part];
  const pieces: Canonical[] = textPieces(text, 3).map((piece) => ({ text: piece }));
  return thoughtSignature === undefined
    ? pieces.length === 0
      ? [{ text: '' }]
      : pieces
    : [...pieces, { text: '', thoughtSignature }];
}

/** Chunks in the form the request asks for: events with CRLF, or one growing array. */
export function streamReply(chunks: readonly unknown[], request: FakeRequest, more: Omit<FakeReply, 'body'> = {}): FakeReply {
  if (request.query.get('alt') === 'sse') {
    const body = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join('');
    return { ...more, body, headers: { 'content-type': 'text/event-stream', ...more.headers } };
  }
  const body = `[${chunks.map((chunk) => JSON.stringify(chunk, null, 2)).join('\n,\r\n')}\n]\n`;
  return { ...more, body, headers: { 'content-type': 'application/json; charset=UTF-8', ...more.headers } };
}

/** An error; where a growing array was asked for, as its only element. */
export function errorReply(error: GeminiError, request: FakeRequest): FakeReply {
  const array = request.path.endsWith(':streamGenerateContent') && request.query.get('alt') !== 'sse';
  return { status: error.status, body: array ? [error.body] : error.body };
}
