import type { Message } from '../unified.ts';
import { refuse } from '../wire/json.ts';

interface OpenCall {
  readonly id: string;
  /** Index of the message it is in. */
  readonly message: number;
  answered: boolean;
}

/**
 * Holds calls against their results as the API does, which names its own turns when it refuses, not the caller's messages: every
 * call of an assistant's turn is answered before the assistant speaks again, and nothing else is. Throws `TranslationError`
 * naming the message.
 */
export function checkPairs(messages: readonly Message[]): void {
  let calls: OpenCall[] = [];
  /** Somebody else has spoken since the assistant did. */
  let turned = false;
  for (const [at, { role, parts }] of messages.entries()) {
    if (role === 'assistant') {
      if (turned) {
        requireAnswers(calls);
        calls = [];
        turned = false;
      }
      for (const part of parts) if (part.type === 'tool_call') calls.push({ id: part.id, message: at, answered: false });
      continue;
    }
    if (role !== 'user' && role !== 'tool') continue;
    turned = true;
    for (const part of parts) if (part.type === 'tool_result') answer(part.id, at, calls);
  }
  if (turned) requireAnswers(calls);
}

function answer(id: string, message: number, calls: readonly OpenCall[]): void {
  const call = calls.find((each) => each.id === id && !each.answered);
  if (call !== undefined) {
    call.answered = true;
    return;
  }
  refuse(
    'A tool message has to answer a call in the assistant message before it: its tool_call_id is none of those, or answered already.',
    `messages[${message}].tool_call_id`,
  );
}

function requireAnswers(calls: readonly OpenCall[]): void {
  const open = calls.find((each) => !each.answered);
  if (open === undefined) return;
  refuse(
    `Every tool call has to be answered by a tool message before the conversation goes on; the call ${JSON.stringify(open.id.slice(0, 64))} is not.`,
    `messages[${open.message}].tool_calls`,
  );
}
