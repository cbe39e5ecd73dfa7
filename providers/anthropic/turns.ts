import type { Message } from '../unified.ts';
import { refuse } from '../wire/json.ts';
import { type BlockContext, blocksOf, textBlock } from './blocks.ts';
import type { Block, Turn } from './dialect.ts';
import type { ModelRules } from './models.ts';
import { checkPairs } from './pairs.ts';

/** Stands where the API wants the user to begin and the conversation begins with the assistant. */
const OPENING = '(The conversation begins.)';

export interface Conversation {
  readonly system: Block[];
  readonly messages: Turn[];
}

/**
 * Messages as the API wants them: alternating turns that begin with the user's, the results of a turn's calls in one user turn
 * and first in it, no empty texts.
 *
 * System and developer messages ahead of the conversation go into `system`, in order. Inside it they stay where they are for
 * models that take them there (role `system` behind a user turn, ahead of an assistant's), so that what is before stays as it
 * was, for the cache and for signed reasoning; for others they follow in `system`. A conversation of nothing else is what the
 * user says. An assistant's opening is preceded by a line that says so.
 *
 * Throws `TranslationError` naming a message that cannot be sent.
 */
export function conversationOf(messages: readonly Message[], rules: ModelRules, context: BlockContext): Conversation {
  const system: Block[] = [];
  const turns: Turn[] = [];
  let waiting: Block[] = [];
  checkPairs(messages);
  messages.forEach((message, index) => {
    const place = `messages[${index}]`;
    if (message.name !== undefined && message.role !== 'tool') context.notes.dropped('messages.name');
    if (message.role === 'system' || message.role === 'developer') {
      const blocks = systemBlocks(message, place, context);
      if (turns.length === 0 || !rules.systemTurns) system.push(...blocks);
      else waiting.push(...blocks);
      return;
    }
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const blocks = blocksOf(message, place, context);
    if (blocks.length === 0) return;
    if (role === 'assistant' && waiting.length > 0 && turns.at(-1)?.role === 'user') {
      turns.push({ role: 'system', content: waiting });
      waiting = [];
    }
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: blocks });
  });
  if (waiting.length > 0) {
    if (turns.at(-1)?.role === 'user') turns.push({ role: 'system', content: waiting });
    else system.push(...waiting);
  }
  for (const turn of turns) settle(turn);
  endWithUser(turns, messages.length - 1, rules);
  if (turns.length > 0) {
    if (turns[0]!.role !== 'user') turns.unshift({ role: 'user', content: [{ type: 'text', text: OPENING }] });
    return { system, messages: turns };
  }
  if (system.length === 0) refuse('None of the messages has any content. Add a message with a text.', 'messages');
  return { system: [], messages: [{ role: 'user', content: system }] };
}

function systemBlocks(message: Message, place: string, { marks }: BlockContext): Block[] {
  const blocks: Block[] = [];
  message.parts.forEach((part, index) => {
    if (part.type !== 'text') {
      refuse('This provider takes only text in a system or developer message.', `${place}.content[${index}]`);
    }
    const block = textBlock(part.text);
    if (block === null) return;
    if (part.cache !== undefined) marks.set(block, part.cache);
    blocks.push(block);
  });
  return blocks;
}

/** Results come first; a turn of the assistant does not end in reasoning. */
function settle({ role, content }: Turn): void {
  if (role === 'user') {
    const results = content.filter(({ type }) => type === 'tool_result');
    if (results.length === 0 || results.length === content.length) return;
    const others = content.filter(({ type }) => type !== 'tool_result');
    content.splice(0, content.length, ...results, ...others);
  } else if (role === 'assistant') {
    while (content.at(-1)?.type === 'thinking' || content.at(-1)?.type === 'redacted_thinking') content.pop();
  }
}

/** A last turn of the assistant's is a beginning to be continued: not every model does, and none after white space. */
function endWithUser(turns: Turn[], position: number, rules: ModelRules): void {
  const empty = turns.findIndex(({ content }) => content.length === 0);
  if (empty !== -1) turns.splice(empty, 1);
  const last = turns.at(-1);
  if (last?.role !== 'assistant') return;
  const param = `messages[${position}]`;
  const block = last.content.at(-1)!;
  if (block.type === 'tool_use') {
    refuse('The conversation ends with tool calls that have no results. Add a tool message for each of them.', param);
  }
  if (!rules.prefill) {
    refuse(
      "This model does not continue an assistant message: the last message has to be the user's. Ask for the form of the answer by `response_format` or in words.",
      param,
    );
  }
  if (typeof block.text !== 'string') return;
  block.text = block.text.trimEnd();
}
