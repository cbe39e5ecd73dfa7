import type { Message, Part, Role, ToolResultPart } from '../../unified.ts';
import { isObject, type JsonObject, refuse } from '../../wire/json.ts';
import { decodeAssistant, decodeContent, encodeContent, writeAssistant } from './assistant.ts';
import { DIALECT, overlay, own, residue } from './carry.ts';
import { controlOf } from './parts.ts';

const ROLES: ReadonlySet<unknown> = new Set<Role>(['system', 'developer', 'user', 'assistant', 'tool']);

/** One element of `messages`. Throws `TranslationError` when it is not an object. */
export function decodeMessage(raw: unknown, position: number): Message {
  if (!isObject(raw)) return refuse('Every message has to be an object with a role.', `messages[${position}]`);
  const named = typeof raw.name === 'string' ? { name: raw.name } : {};
  // `function` is the deprecated ancestor of `tool`; unknown roles are read as the user's and written back as they were.
  const role: Role = raw.role === 'function' ? 'tool' : ROLES.has(raw.role) ? (raw.role as Role) : 'user';
  const message: Message = { role, parts: marked(partsOf(role, raw), raw), ...(role === 'tool' ? {} : named) };
  const written = writeMessage(message, message.parts, true);
  return { ...message, extensions: { [DIALECT]: residue(raw, written) } };
}

/** `cache_control` of a whole message stands at its end. */
function marked(parts: readonly Part[], raw: JsonObject): readonly Part[] {
  const control = controlOf(raw.cache_control);
  const last = parts.at(-1);
  return last === undefined || control.cache === undefined ? parts : [...parts.slice(0, -1), { ...last, ...control }];
}

function partsOf(role: Role, raw: JsonObject): readonly Part[] {
  if (role === 'assistant') return decodeAssistant(raw);
  if (role !== 'tool') return decodeContent(raw.content);
  const result: ToolResultPart = {
    type: 'tool_result',
    id: typeof raw.tool_call_id === 'string' ? raw.tool_call_id : '',
    ...(typeof raw.name === 'string' ? { name: raw.name } : {}),
    content: decodeContent(raw.content),
  };
  return [result];
}

/**
 * A message as elements of `messages`. One read in this dialect is one element again; of another dialect's, every tool result
 * becomes a `tool` message of its own, ahead of the rest of its turn.
 */
export function encodeMessage(message: Message): Record<string, unknown>[] {
  const extra = own(message.extensions);
  if (extra !== undefined) return [overlay(writeMessage(message, message.parts, true), extra)];
  const messages: Record<string, unknown>[] = [];
  const rest: Part[] = [];
  for (const part of message.parts) {
    if (part.type === 'tool_result') messages.push(writeMessage({ ...message, role: 'tool' }, [part], false));
    else rest.push(part);
  }
  if (rest.length > 0 || messages.length === 0) messages.push(writeMessage(message, rest, false));
  return messages;
}

function writeMessage(message: Message, parts: readonly Part[], exact: boolean): Record<string, unknown> {
  const named = message.name === undefined ? {} : { name: message.name };
  if (message.role === 'assistant') return { ...writeAssistant(parts, 'request', exact), ...named };
  const result = message.role === 'tool' ? parts[0] : undefined;
  if (result?.type === 'tool_result') {
    return { role: 'tool', tool_call_id: result.id, content: encodeContent(result.content, 'request') ?? '' };
  }
  // A reasoning part of a turn that is not the assistant's has no place in this dialect.
  const content = encodeContent(
    parts.filter((part) => part.type !== 'reasoning'),
    'request',
  );
  return { role: message.role, content: content ?? '', ...named };
}
