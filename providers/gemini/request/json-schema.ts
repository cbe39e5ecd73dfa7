import { isObject, type JsonObject, refuse } from '../../wire/json.ts';
import { resolveChain, resolveRef } from './schema-refs.ts';

// The API takes JSON Schema in `parametersJsonSchema` and `responseJsonSchema`, but not all of it (ai.google.dev, "Structured
// output"): `const` and `allOf` are ignored, a `$ref` may have no neighbours but other `$` members, `oneOf` means `anyOf`, and
// definitions are found under `$defs`. Anything else it does not know it ignores.

/** Levels of a schema; JSON bodies are limited too, but not to what recursion over them can bear. */
const MAX_DEPTH = 128;
/** Nodes looked at before references stay references: written out, a few nested ones make millions. */
const MAX_NODES = 5000;
/** Times that what a reference leads to is itself one, or all of several. */
const MAX_CHAIN = 16;

const SUBSCHEMA: ReadonlySet<string> = new Set(['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains']);
const SUBSCHEMA_LIST: ReadonlySet<string> = new Set(['anyOf', 'prefixItems']);
const SUBSCHEMA_MAP: ReadonlySet<string> = new Set(['properties', '$defs', 'patternProperties']);

/** Nodes that may still be looked at, shared by the schemas of one request. */
export interface Room {
  nodes: number;
}

interface Walk {
  readonly root: JsonObject;
  readonly param: string;
  readonly room: Room;
  /** References that were written out on the way here. */
  readonly written: readonly unknown[];
}

/**
 * A schema in the words this API understands; the same object where it says nothing else. `param` names the schema in the
 * client's request. Throws `TranslationError` for a schema that is nested too deep.
 */
export function toJsonSchema(schema: JsonObject, param: string, room: Room = { nodes: MAX_NODES }): JsonObject {
  return rewrite(schema, { root: schema, param, room, written: [] }, 0);
}

/** The same for the parameters of a function, which have to be an object at the top. Null for a function without any. */
export function toParameters(schema: JsonObject, param: string, room?: Room): JsonObject | null {
  const top = schema.$ref === undefined ? schema : { ...schema, ...resolveChain(schema, schema.$ref), $ref: undefined };
  const { $ref: _ref, ...flat } = top;
  const written = toJsonSchema(schema.$ref === undefined ? schema : flat, param, room);
  if (isEmpty(written)) return null;
  return written.type === 'object' ? written : { ...written, type: 'object' };
}

/** An object that can have no members: no parameters at all, which earlier models refused in the form of a schema. */
function isEmpty(schema: JsonObject): boolean {
  const { properties, additionalProperties } = schema;
  const none = properties === undefined || (isObject(properties) && Object.keys(properties).length === 0);
  const open = additionalProperties === true || (isObject(additionalProperties) && Object.keys(additionalProperties).length > 0);
  return none && !open && !['anyOf', 'oneOf', 'allOf', 'patternProperties'].some((key) => schema[key] !== undefined);
}

function rewrite(schema: JsonObject, walk: Walk, depth: number): JsonObject {
  if (depth > MAX_DEPTH) refuse(`The schema is nested deeper than ${MAX_DEPTH} levels.`, walk.param);
  walk.room.nodes--;
  const { own, inner } = reword(schema, walk);
  let changed: Record<string, unknown> | null = own === schema ? null : { ...own };
  for (const [key, value] of Object.entries(own)) {
    // Definitions at the top are not inside of what was written out there.
    const next = rewriteMember(key, value, depth === 0 && key === '$defs' ? walk : inner, depth);
    if (next === value) continue;
    changed ??= { ...own };
    define(changed, key, next);
  }
  return changed ?? schema;
}

function rewriteMember(key: string, value: unknown, walk: Walk, depth: number): unknown {
  if (SUBSCHEMA.has(key)) return isObject(value) ? rewrite(value, walk, depth + 1) : value;
  if (SUBSCHEMA_LIST.has(key)) return Array.isArray(value) ? rewriteList(value, walk, depth) : value;
  return SUBSCHEMA_MAP.has(key) && isObject(value) ? rewriteMap(value, walk, depth) : value;
}

function rewriteList(list: readonly unknown[], walk: Walk, depth: number): readonly unknown[] {
  const next = list.map((each) => (isObject(each) ? rewrite(each, walk, depth + 1) : each));
  return next.every((each, at) => each === list[at]) ? list : next;
}

function rewriteMap(map: JsonObject, walk: Walk, depth: number): JsonObject {
  let changed: Record<string, unknown> | null = null;
  for (const [name, each] of Object.entries(map)) {
    const next = isObject(each) ? rewrite(each, walk, depth + 1) : each;
    if (next === each) continue;
    changed ??= { ...map };
    define(changed, name, next);
  }
  return changed ?? map;
}

/** One level put into other words, the same object when nothing is to change; and what holds below it. */
function reword(schema: JsonObject, walk: Walk): { readonly own: JsonObject; readonly inner: Walk } {
  const flat = flattened(schema, walk);
  let { own } = flat;
  if (own.$schema !== undefined) own = without(own, '$schema');
  if (own.const !== undefined) own = fixed(own);
  if (Array.isArray(own.oneOf) && own.anyOf === undefined) own = { ...without(own, 'oneOf'), anyOf: own.oneOf };
  if (isObject(own.definitions)) own = defined(own, own.definitions);
  return { own, inner: flat.inner };
}

/** `const` as the only value of an `enum`, where that can be one: a text or a number. */
function fixed(schema: JsonObject): JsonObject {
  const value = schema.const;
  const rest = without(schema, 'const');
  if (typeof value === 'string' || typeof value === 'number') {
    return { type: typeof value, ...rest, enum: [value] };
  }
  return value === null || typeof value === 'boolean' ? { type: value === null ? 'null' : 'boolean', ...rest } : rest;
}

/**
 * A reference beside other members, and all of several schemas, as one schema; a reference alone stays one. So does one that is
 * inside itself, and every further one of a schema that grows too large: then it stands without the members beside it.
 */
function flattened(schema: JsonObject, walk: Walk): { readonly own: JsonObject; readonly inner: Walk } {
  let own = schema;
  /** Of several schemas that all hold, one that is named twice says nothing more. */
  const here = new Set<unknown>();
  for (let hops = 0; hops < MAX_CHAIN; hops++) {
    const all = Array.isArray(own.allOf) ? own.allOf.filter(isObject) : null;
    if (all === null && (own.$ref === undefined || isBare(own))) break;
    const parts: JsonObject[] = [];
    for (const part of [...(all ?? []), without(own, 'allOf')]) {
      const target = part.$ref === undefined || here.has(part.$ref) ? null : resolveRef(walk.root, part.$ref);
      if (part.$ref !== undefined && !here.has(part.$ref)) {
        if (walk.written.includes(part.$ref) || walk.room.nodes <= 0) return { own: reference(part.$ref), inner: walk };
        here.add(part.$ref);
        walk.room.nodes -= 1 + widthOf(target);
      }
      parts.push({ ...target, ...without(part, '$ref') });
    }
    own = laid(parts);
  }
  if (own.$ref !== undefined) own = renamedRef(own.$ref) === own.$ref ? own : { ...own, $ref: renamedRef(own.$ref) };
  return { own, inner: here.size === 0 ? walk : { ...walk, written: [...walk.written, ...here] } };
}

/** Nothing beside a reference but what may be there. */
function isBare(schema: JsonObject): boolean {
  return Object.keys(schema).every((key) => key.startsWith('$'));
}

function reference(ref: unknown): JsonObject {
  return { $ref: renamedRef(ref) };
}

function renamedRef(ref: unknown): unknown {
  return typeof ref === 'string' ? ref.replace(/^#\/definitions\//, '#/$defs/') : ref;
}

function defined(schema: JsonObject, definitions: JsonObject): JsonObject {
  return { ...without(schema, 'definitions'), $defs: { ...definitions, ...(isObject(schema.$defs) ? schema.$defs : {}) } };
}

/**
 * Members of later schemas replace earlier ones; properties, required names and what has to hold besides add up. All at once: two
 * at a time, 12,000 of them (700 kB) took 28 s.
 */
export function laid(parts: readonly JsonObject[]): JsonObject {
  const properties = parts.map((part) => part.properties).filter(isObject);
  const required = parts.map((part) => part.required).filter(Array.isArray);
  const all = parts.map((part) => part.allOf).filter(Array.isArray);
  return {
    ...joined(parts),
    ...(properties.length === 0 ? {} : { properties: joined(properties) }),
    ...(required.length === 0 ? {} : { required: [...new Set(required.flat())] }),
    ...(all.length === 0 ? {} : { allOf: all.flat() }),
  };
}

function joined(objects: readonly JsonObject[]): Record<string, unknown> {
  return Object.fromEntries(objects.flatMap((each) => Object.entries(each)));
}

/** Properties that are copied when the schema is written out. */
export function widthOf(schema: JsonObject | null): number {
  return schema !== null && isObject(schema.properties) ? Object.keys(schema.properties).length : 0;
}

function without(schema: JsonObject, key: string): JsonObject {
  const { [key]: _removed, ...rest } = schema;
  return rest;
}

/** Plain assignment would run the setter of `__proto__`, a name that a property may have. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
