import { TranslationError } from '../provider.ts';
import type { ChatResponse, Part } from '../unified.ts';
import { isObject, protocolError, textOf } from '../wire/json.ts';
import { partsOf, type Reading } from './content.ts';
import { embedded } from './failure.ts';
import { finishReason, refusalText } from './stop.ts';
import { UsageReader } from './usage.ts';

/** The upstream's id as a completion's; `''` for one that is no id. */
export function completionId(id: unknown): string {
  return typeof id === 'string' && /^[A-Za-z0-9_-]{1,128}$/.test(id) ? `chatcmpl-${id}` : '';
}

/** A message. Throws `TranslationError` when it carries an error or is no message. */
export function decodeResponse(body: unknown, formatTool: string | null, secrets: readonly string[]): ChatResponse {
  const failure = embedded(body, secrets);
  if (failure !== null) throw new TranslationError(failure);
  if (!isObject(body) || !Array.isArray(body.content)) return protocolError('The provider answered without "content".');
  const reading: Reading = { length: 0, formatTool, formatted: false };
  const parts: Part[] = [];
  for (const block of body.content) {
    if (!isObject(block)) protocolError('The provider answered with content that is not made of objects.');
    parts.push(...partsOf(block, reading));
  }
  const refusal = body.stop_reason === 'refusal' ? refusalText(body.stop_details) : null;
  if (refusal !== null) parts.push({ type: 'refusal', text: refusal });
  const usage = new UsageReader();
  usage.take(body.usage);
  return {
    id: completionId(body.id),
    created: 0,
    model: textOf(body.model) ?? '',
    choices: [{ index: 0, parts, finishReason: finishReason(body.stop_reason, reading.formatted) }],
    usage: usage.quantities(),
  };
}
