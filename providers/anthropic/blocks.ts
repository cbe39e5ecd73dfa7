import type { EncodeNotes } from '../provider.ts';
import type { Message, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '../unified.ts';
import { parseExact } from '../wire/exact-json.ts';
import { isObject, refuse } from '../wire/json.ts';
import type { CallIds } from './call-ids.ts';
import { type Block, type CacheMarks, DIALECT } from './dialect.ts';
import { fileBlock, imageBlock } from './media.ts';

/** Whether the part has to be sent back to this dialect. */
export function isOwnReasoning(part: Part): boolean {
  return part.type === 'reasoning' && part.dialect === DIALECT && (part.signature !== undefined || part.redacted !== undefined);
}

/** What the parts of a conversation are turned into blocks with. */
export interface BlockContext {
  readonly ids: CallIds;
  readonly marks: CacheMarks;
  readonly notes: EncodeNotes;
  /** Signed reasoning goes back. */
  readonly thinking: boolean;
}

/** The blocks of one message but those of system. Throws `TranslationError` naming a part that cannot be sent. */
export function blocksOf(message: Message, place: string, context: BlockContext): Block[] {
  if (message.role === 'assistant') return assistantBlocks(message.parts, place, context);
  const blocks: Block[] = [];
  message.parts.forEach((part, index) => {
    const block =
      part.type === 'tool_result' ? resultBlock(part, place, context) : inputBlock(part, `${place}.content[${index}]`, context);
    if (block !== null) blocks.push(mark(block, part, context));
  });
  return blocks;
}

/** A text block; null for a text without anything to read, which the API refuses. */
export function textBlock(text: string): Block | null {
  return /\S/.test(text) ? { type: 'text', text } : null;
}

function inputBlock(part: Part, param: string, { notes }: BlockContext): Block | null {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return textBlock(part.text);
    case 'image':
      if (part.detail !== undefined && part.detail !== 'auto') notes.dropped('image_url.detail');
      return imageBlock(part, param);
    case 'file':
      return fileBlock(part, param);
    case 'audio':
    case 'video':
      return refuse(`This provider cannot take ${part.type}. Send a transcript or pictures, or name another model.`, param);
    case 'reasoning':
    case 'citation':
      return null;
    default:
      return refuse('This provider cannot take this kind of content.', param);
  }
}

function resultBlock(part: ToolResultPart, place: string, context: BlockContext): Block {
  const content: Block[] = [];
  part.content.forEach((inner, index) => {
    const block = inputBlock(inner, `${place}.content[${index}]`, context);
    if (block !== null) content.push(mark(block, inner, context));
  });
  const first = content[0];
  const plain = content.length === 1 && first !== undefined && first.type === 'text' && !context.marks.has(first);
  return {
    type: 'tool_result',
    tool_use_id: context.ids.result(part.id),
    ...(content.length === 0 ? {} : { content: plain ? first.text : content }),
    ...(part.isError === true ? { is_error: true } : {}),
  };
}

/**
 * A turn of the model. Reasoning that stands ahead of the first call began the turn, which a chat completion cannot say: there
 * the text is one member and the calls another.
 */
function assistantBlocks(parts: readonly Part[], place: string, context: BlockContext): Block[] {
  context.ids.turn();
  const thoughts: Block[] = [];
  const rest: Block[] = [];
  let called = false;
  for (const part of parts) {
    if (part.type === 'reasoning') {
      const block = context.thinking ? reasoningBlock(part) : null;
      if (block !== null) (called ? rest : thoughts).push(block);
      continue;
    }
    if (part.type === 'image' || part.type === 'file') {
      refuse('This provider takes pictures and documents from the user only, not in an assistant message.', place);
    }
    const block = part.type === 'tool_call' ? callBlock(part, place, context) : inputBlock(part, place, context);
    if (block === null) continue;
    called ||= part.type === 'tool_call';
    rest.push(mark(block, part, context));
  }
  return [...thoughts, ...rest];
}

function reasoningBlock(part: ReasoningPart): Block | null {
  const { text, signature, redacted, dialect } = part;
  if (dialect !== DIALECT) return null;
  if (signature !== undefined) return { type: 'thinking', thinking: text, signature };
  return redacted === undefined ? null : { type: 'redacted_thinking', data: redacted };
}

function callBlock(part: ToolCallPart, place: string, { ids }: BlockContext): Block {
  if (part.kind === 'custom') {
    refuse(
      'This provider has no custom tools: their calls cannot be in the conversation. Use function tools.',
      `${place}.tool_calls`,
    );
  }
  return { type: 'tool_use', id: ids.call(part.id), name: part.name, input: inputOf(part.arguments) };
}

/** Arguments as the object the API wants; what a model wrote that is none is kept as text. */
function inputOf(text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  // A stand-in for a long text must not be found again in here: the text itself is what has to be read.
  const parsed = parseExact(text);
  const value = parsed === undefined ? text.replaceAll('…#', '… #') : parsed;
  return isObject(value) && text.trimStart().startsWith('{') ? (value as Record<string, unknown>) : { arguments: value };
}

function mark(block: Block, part: Part, { marks }: BlockContext): Block {
  if (part.cache !== undefined) marks.set(block, part.cache);
  return block;
}
