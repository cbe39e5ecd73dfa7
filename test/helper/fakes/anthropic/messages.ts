import { type AnthropicError, invalid } from './errors.ts';
import type { AnthropicModel } from './models.ts';
import { isRedactedData, verdictOn } from './signatures.ts';

export type Block = Record<string, unknown> & { readonly type: string };

export interface Message {
  readonly role: string;
  readonly content: string | readonly Block[];
}

interface Turn {
  readonly role: string;
  /** Index of its first message. */
  readonly index: number;
  readonly blocks: { readonly block: Block; readonly path: string }[];
}

/** Texts, the order of turns, tool calls with their results, and thinking blocks. */
export function checkMessages(
  body: Record<string, unknown>,
  model: AnthropicModel,
  trustSignatures: boolean,
): AnthropicError | null {
  const messages = body.messages as Message[];
  if (messages.length === 0) return invalid('messages: at least one message is required');
  const misplaced = checkSystemTurns(messages, model);
  if (misplaced !== null) return misplaced;
  if (messages[0]!.role !== 'user') return invalid('messages: first message must use the "user" role');
  const turns = turnsOf(messages);
  return (
    checkTexts(body, messages) ??
    checkPlaces(turns) ??
    checkResults(turns) ??
    checkServerResults(turns) ??
    checkSigned(turns, trustSignatures) ??
    checkThinkingFirst(turns, body) ??
    checkEnd(messages, model)
  );
}

/** Instructions inside the conversation stand behind what the user said and ahead of the assistant's answer, and are text. */
function checkSystemTurns(messages: readonly Message[], model: AnthropicModel): AnthropicError | null {
  for (const [index, { role, content }] of messages.entries()) {
    if (role !== 'system') continue;
    if (!model.systemTurns) {
      return invalid(
        'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
      );
    }
    if (messages[index - 1]?.role !== 'user') return invalid(`messages.${index}: role 'system' must follow a user message`);
    if ((messages[index + 1]?.role ?? 'assistant') !== 'assistant')
      return invalid(`messages.${index}: role 'system' must be last or be followed by an assistant message`);
    if (blocksOf(content).some(({ type }) => type !== 'text')) return invalid(`messages.${index}: role 'system' takes text only`);
  }
  return null;
}

/** The blocks of a content, of a text the one that stands for it. */
export function blocksOf(content: Message['content']): readonly Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

function turnsOf(messages: readonly Message[]): Turn[] {
  const turns: Turn[] = [];
  for (const [index, message] of messages.entries()) {
    const blocks = blocksOf(message.content).map((block, at) => ({ block, path: `messages.${index}.content.${at}` }));
    const last = turns.at(-1);
    if (last?.role === message.role) last.blocks.push(...blocks);
    else turns.push({ role: message.role, index, blocks });
  }
  return turns;
}

function checkTexts(body: Record<string, unknown>, messages: readonly Message[]): AnthropicError | null {
  const system = body.system as string | readonly Block[] | undefined;
  if (Array.isArray(system)) {
    for (const block of system as readonly Block[]) {
      if (block.text === '')
        return invalid(block.cache_control == null ? 'system: text content blocks must be non-empty' : emptyCached('system'));
    }
  }
  for (const [index, message] of messages.entries()) {
    const last = index === messages.length - 1 && message.role === 'assistant';
    if (message.content.length === 0) {
      if (last) continue;
      return invalid(
        `messages.${index}: all messages must have non-empty content except for the optional final assistant message`,
      );
    }
    for (const [at, block] of blocksOf(message.content).entries()) {
      if (block.type !== 'text') continue;
      const text = String(block.text);
      if (text === '' && block.cache_control != null) return invalid(emptyCached(`messages.${index}.content.${at}.text`));
      if (text === '') return invalid('messages: text content blocks must be non-empty');
      if (text.trim() === '') return invalid('messages: text content blocks must contain non-whitespace text');
    }
  }
  return null;
}

function emptyCached(path: string): string {
  return `${path}.cache_control: cache_control cannot be set for empty text blocks`;
}

const places: Readonly<Record<string, 'user' | 'assistant'>> = {
  tool_use: 'assistant',
  thinking: 'assistant',
  redacted_thinking: 'assistant',
  server_tool_use: 'assistant',
  tool_result: 'user',
  image: 'user',
  document: 'user',
};

function checkPlaces(turns: readonly Turn[]): AnthropicError | null {
  const ids = new Set<string>();
  for (const turn of turns) {
    for (const { block, path } of turn.blocks) {
      const place = places[block.type];
      if (place !== undefined && place !== turn.role) {
        return invalid(`${path.replace(/\.content\.\d+$/, '')}: \`${block.type}\` blocks can only be in \`${place}\` messages`);
      }
      if (block.type !== 'tool_use') continue;
      if (ids.has(String(block.id))) return invalid('messages: `tool_use` ids must be unique');
      ids.add(String(block.id));
    }
  }
  return null;
}

/** Results answer the calls of the turn before, all of them, ahead of anything else in theirs. */
function checkResults(turns: readonly Turn[]): AnthropicError | null {
  for (const [at, turn] of turns.entries()) {
    if (turn.role === 'assistant') {
      const missing = unanswered(turn, turns[at + 1]);
      if (missing.length === 0) continue;
      return invalid(
        `messages.${turn.index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. ` +
          'Each `tool_use` block must have a corresponding `tool_result` block in the next message.',
      );
    }
    const asked = idsOf(turns[at - 1], 'tool_use', 'id');
    const seen = new Set<unknown>();
    for (const { block, path } of turn.blocks) {
      if (block.type !== 'tool_result') continue;
      if (!asked.includes(block.tool_use_id)) {
        return invalid(
          `${path}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${String(block.tool_use_id)}. ` +
            'Each `tool_result` block must have a corresponding `tool_use` block in the previous message.',
        );
      }
      if (seen.has(block.tool_use_id)) {
        return invalid(
          `${path}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${String(block.tool_use_id)}`,
        );
      }
      seen.add(block.tool_use_id);
      const content = Array.isArray(block.content) ? (block.content as Block[]) : [];
      if (block.is_error === true && content.some((entry) => entry.type !== 'text')) {
        return invalid(`${path}.tool_result: all content must be type "text" if \`is_error\` is true`);
      }
    }
  }
  return null;
}

function unanswered(turn: Turn, next: Turn | undefined): unknown[] {
  const leading: unknown[] = [];
  for (const { block } of next?.blocks ?? []) {
    if (block.type !== 'tool_result') break;
    leading.push(block.tool_use_id);
  }
  return idsOf(turn, 'tool_use', 'id').filter((id) => !leading.includes(id));
}

function idsOf(turn: Turn | undefined, type: string, field: string): unknown[] {
  return (turn?.blocks ?? []).filter(({ block }) => block.type === type).map(({ block }) => block[field]);
}

function checkServerResults(turns: readonly Turn[]): AnthropicError | null {
  for (const turn of turns) {
    const seen = new Set<unknown>();
    for (const { block, path } of turn.blocks) {
      if (block.type === 'server_tool_use' || block.type === 'mcp_tool_use') seen.add(block.id);
      if (!block.type.endsWith('_tool_result') || seen.has(block.tool_use_id)) continue;
      const call = block.type === 'mcp_tool_result' ? 'mcp_tool_use' : 'server_tool_use';
      return invalid(
        `${path}: unexpected \`tool_use_id\` found in \`${block.type}\` blocks: ${String(block.tool_use_id)}. ` +
          `Each \`${block.type}\` block must have a corresponding \`${call}\` block before it.`,
      );
    }
  }
  return null;
}

function checkSigned(turns: readonly Turn[], trust: boolean): AnthropicError | null {
  if (trust) return null;
  const latest = turns.findLast((turn) => turn.role === 'assistant');
  for (const turn of turns) {
    for (const { block, path } of turn.blocks) {
      if (block.type === 'redacted_thinking' && !isRedactedData(String(block.data))) {
        return invalid(`${path}: Invalid \`data\` in \`redacted_thinking\` block`);
      }
      if (block.type !== 'thinking') continue;
      const verdict = verdictOn(String(block.signature), String(block.thinking));
      if (verdict === 'issued') continue;
      if (verdict === 'altered' && turn === latest) {
        return invalid(
          `${path}: \`thinking\` or \`redacted_thinking\` blocks in the latest assistant message cannot be modified. ` +
            'These blocks must remain as they were in the original response.',
        );
      }
      return invalid(`${path}: Invalid \`signature\` in \`thinking\` block`);
    }
  }
  return null;
}

/**
 * With manual thinking the tool loop that the conversation ends in starts with thinking. Later answers of the loop need none:
 * without interleaved thinking the model thinks once at the start of it ("Tool use without interleaved thinking").
 */
function checkThinkingFirst(turns: readonly Turn[], body: Record<string, unknown>): AnthropicError | null {
  if ((body.thinking as { type?: string } | undefined)?.type !== 'enabled') return null;
  const last = turns.findLastIndex((turn) => turn.role === 'assistant');
  const looping = idsOf(turns[last + 1], 'tool_result', 'tool_use_id').length > 0 || last === turns.length - 1;
  let at = last;
  while (resultsOnly(turns[at - 1])) at -= 2;
  const turn = turns[at];
  const first = turn?.blocks[0];
  if (turn === undefined || first === undefined || !looping) return null;
  if (first.block.type === 'thinking' || first.block.type === 'redacted_thinking') return null;
  return invalid(
    `${first.path}.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first.block.type}\`. When \`thinking\` is enabled, ` +
      'a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). ' +
      'We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. Please consult our ' +
      'documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking',
  );
}

function resultsOnly(turn: Turn | undefined): boolean {
  return turn?.role === 'user' && turn.blocks.every(({ block }) => block.type === 'tool_result');
}

function checkEnd(messages: readonly Message[], model: AnthropicModel): AnthropicError | null {
  const last = messages.at(-1)!;
  if (last.role !== 'assistant') return null;
  const final = blocksOf(last.content).at(-1);
  if (!model.prefill && final?.type === 'text') {
    return invalid('This model does not support assistant message prefill. The conversation must end with a user message.');
  }
  if (final?.type === 'text' && /\s$/.test(String(final.text))) {
    return invalid('messages: final assistant content cannot end with trailing whitespace');
  }
  return null;
}
