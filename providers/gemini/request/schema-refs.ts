import { isObject, type JsonObject } from '../../wire/json.ts';

/** Reference after reference that is followed before a chain counts as one that leads nowhere. */
const MAX_CHAIN = 16;

/** What a local JSON pointer (`#/$defs/Address`, RFC 6901 as a URI fragment) leads to; null when that is no schema object. */
export function resolveRef(root: JsonObject, ref: unknown): JsonObject | null {
  if (typeof ref !== 'string' || !ref.startsWith('#') || ref.length > 1024) return null;
  let node: unknown = root;
  for (const step of ref.slice(1).split('/').slice(1)) {
    const name = unescaped(step);
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return null;
    node = (node as JsonObject)[name];
  }
  return isObject(node) ? node : null;
}

/** The schema at the end of a chain of bare references; null when it leads nowhere or in a circle. */
export function resolveChain(root: JsonObject, ref: unknown): JsonObject | null {
  let node = resolveRef(root, ref);
  for (let hops = 0; node !== null && node.$ref !== undefined && hops < MAX_CHAIN; hops++) node = resolveRef(root, node.$ref);
  return node === null || node.$ref !== undefined ? null : node;
}

function unescaped(step: string): string {
  let text = step;
  try {
    text = decodeURIComponent(step);
  } catch {
    // Not percent-encoded: the text itself is the name.
  }
  return text.replaceAll('~1', '/').replaceAll('~0', '~');
}
