import { isObject, type JsonObject } from '../../wire/json.ts';

/** Members that name something; a later delta replaces them instead of continuing them. */
const NAMES: ReadonlySet<string> = new Set(['id', 'type', 'role', 'name', 'format', 'index', 'finish_reason', 'object', 'model']);

/** Elements of one list that are told apart by their `index`; more would make the search for them costly. */
const MAX_INDEXED = 4096;

/**
 * A delta laid onto what came before it: text continues text, arrays grow (elements with the same `index` are merged), objects
 * merge, anything else replaces. The rule the official SDKs use to accumulate a stream.
 */
export function mergeDelta(target: Record<string, unknown>, delta: JsonObject): void {
  for (const [key, value] of Object.entries(delta)) {
    if (value === undefined) continue;
    const before = Object.hasOwn(target, key) ? target[key] : undefined;
    define(target, key, NAMES.has(key) ? value : mergeValue(before, value));
  }
}

/** Objects and lists in the target are its own copies, so they are changed in place: a long stream costs O(n). */
function mergeValue(before: unknown, value: unknown): unknown {
  if (typeof before === 'string' && typeof value === 'string') return before + value;
  if (Array.isArray(value)) return mergeList(Array.isArray(before) ? before : [], value);
  if (!isObject(value)) return value === null && before !== undefined ? before : value;
  const merged: Record<string, unknown> = isObject(before) ? (before as Record<string, unknown>) : {};
  mergeDelta(merged, value);
  return merged;
}

function mergeList(list: unknown[], more: readonly unknown[]): unknown[] {
  for (const element of more) {
    const index = isObject(element) && typeof element.index === 'number' ? element.index : null;
    // Looked up by the member, never used as a position: an index of 1e9 costs nothing.
    const at =
      index === null || list.length > MAX_INDEXED ? -1 : list.findIndex((other) => isObject(other) && other.index === index);
    if (at === -1) list.push(mergeValue(undefined, element));
    else list[at] = mergeValue(list[at], element);
  }
  return list;
}

/** Every own member of `source` replaces that of `target`; Object.assign would run the setter of `__proto__`. */
export function replaceMembers(target: Record<string, unknown>, source: JsonObject | undefined): void {
  for (const [key, value] of Object.entries(source ?? {})) define(target, key, value);
}

/** Plain assignment would run the setter of `__proto__`, a key an upstream may send. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
