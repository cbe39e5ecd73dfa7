import { completeJson } from '../../pivot/cut.ts';
import type { Call } from '../../provider.ts';
import { isObject, type JsonObject } from '../../wire/json.ts';
import { scanMembers, spliceMembers } from '../../wire/members.ts';

/** Where other vendors' signatures travel in a history: on assistant messages and on their tool calls. */
const FOREIGN = 'extra_content';

/**
 * The call without what another vendor left in its history (thought signatures under `extra_content`): they are of no use here,
 * and nobody else's to see. The same call when there is nothing of the kind; its bytes are the caller's own then.
 */
export function withoutForeignContent(call: Call): Call {
  const { json, bytes, members } = call.body;
  if (call.operation !== 'chat' || !Array.isArray(json.messages) || !json.messages.some(hasForeign)) return call;
  const messages = (completeJson(call.body).messages as readonly unknown[]).map(cleaned);
  const written = spliceMembers(bytes, members, [{ key: 'messages', value: JSON.stringify(messages) }]);
  return { ...call, body: { bytes: written, json: { ...json, messages }, members: scanMembers(written) } };
}

function hasForeign(message: unknown): boolean {
  if (!isObject(message)) return false;
  if (Object.hasOwn(message, FOREIGN)) return true;
  return Array.isArray(message.tool_calls) && message.tool_calls.some((call) => isObject(call) && Object.hasOwn(call, FOREIGN));
}

function cleaned(message: unknown): unknown {
  if (!isObject(message)) return message;
  const own = without(message);
  return Array.isArray(own.tool_calls)
    ? { ...own, tool_calls: own.tool_calls.map((call: unknown) => (isObject(call) ? without(call) : call)) }
    : own;
}

function without(object: JsonObject): JsonObject {
  const { [FOREIGN]: _foreign, ...own } = object;
  return own;
}
