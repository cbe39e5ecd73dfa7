import { textPieces } from '../prompt.ts';
import type { FakeReply } from '../server.ts';
import type { AnswerMessage } from './answer.ts';
import type { Block } from './messages.ts';

export type StreamEvent = { readonly type: string } & Record<string, unknown>;

/** The events of an answer, from `message_start` to `message_stop`; usage at the end is cumulative. */
export function toEvents(message: AnswerMessage): StreamEvent[] {
  const { output_tokens_details: _details, ...usage } = message.usage;
  const start = { ...message, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } };
  const events: StreamEvent[] = [{ type: 'message_start', message: start }];
  for (const [index, block] of message.content.entries()) {
    events.push({ type: 'content_block_start', index, content_block: opened(block) });
    if (index === 0) events.push({ type: 'ping' });
    for (const delta of deltasOf(block)) events.push({ type: 'content_block_delta', index, delta });
    events.push({ type: 'content_block_stop', index });
  }
  events.push({
    type: 'message_delta',
    delta: { stop_reason: message.stop_reason, stop_sequence: message.stop_sequence },
    usage: message.usage,
  });
  events.push({ type: 'message_stop' });
  return events;
}

function opened(block: Block): Block {
  if (block.type === 'text') return { ...block, text: '' };
  if (block.type === 'thinking') return { ...block, thinking: '', signature: '' };
  return block.type === 'tool_use' ? { ...block, input: {} } : block;
}

/** The arguments of a call start with an empty piece, as recorded. */
function deltasOf(block: Block): Record<string, unknown>[] {
  if (block.type === 'text') return textPieces(String(block.text), 3).map((text) => ({ type: 'text_delta', text }));
  if (block.type === 'tool_use') {
    return ['', ...textPieces(JSON.stringify(block.input), 3)].map((partial) => ({
      type: 'input_json_delta',
      partial_json: partial,
    }));
  }
  if (block.type !== 'thinking') return [];
  const thoughts = textPieces(String(block.thinking), 2).map((thinking) => ({ type: 'thinking_delta', thinking }));
  return [...thoughts, { type: 'signature_delta', signature: block.signature }];
}

/** Named events; payloads end in spaces, more of them on every event, as the real ones do. */
export function eventReply(events: readonly StreamEvent[], more: Omit<FakeReply, 'body'> = {}): FakeReply {
  const body = events
    .map((event, index) => `event: ${event.type}\ndata: ${JSON.stringify(event)}${' '.repeat(index % 7)}\n\n`)
    .join('');
  return {
    ...more,
    body,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', ...more.headers },
  };
}

/** What comes inside a 200 stream when the service is overloaded. */
export const overloadedEvent: StreamEvent = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
