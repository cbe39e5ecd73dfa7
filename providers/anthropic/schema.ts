import { isObject, type JsonObject } from '../wire/json.ts';

// The part of JSON Schema that this API's constrained output takes ("Structured outputs", JSON Schema limitations; the SDKs
// rewrite schemas by the same list). Whatever satisfies the rewritten schema is meant to satisfy the original: closing an object
// narrows it, and limits that cannot be enforced are said in words, for the model to keep.

/** Members that say nothing about the value. */
const SILENT: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  '$anchor',
  'examples',
  'example',
  'deprecated',
  'readOnly',
  'writeOnly',
]);
/** Members kept as they are. */
const KEPT: ReadonlySet<string> = new Set(['title', 'default', 'required']);
/** Lists of schemas; one of several is any of several here. */
const LISTS: Readonly<Record<string, string>> = { anyOf: 'anyOf', oneOf: 'anyOf', allOf: 'allOf' };
const FORMATS: ReadonlySet<string> = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
]);
/** Members that a closed schema cannot stand for: left out, another answer would come. */
const OPEN: ReadonlySet<string> = new Set([
  'patternProperties',
  'propertyNames',
  'not',
  'if',
  'prefixItems',
  '$dynamicRef',
  '$recursiveRef',
]);

const MAX_DEPTH = 64;

/** The schema cannot be said in what the API takes. */
class Inexpressible extends Error {}

/**
 * The schema as the API takes it, in a new object; null for one it cannot be made to take without another answer coming: open
 * maps, any value at all, recursion, references out of the document.
 */
export function closedSchema(schema: unknown): Record<string, unknown> | null {
  if (!isObject(schema) || isRecursive(schema)) return null;
  try {
    return close(schema, 0);
  } catch (error) {
    if (error instanceof Inexpressible) return null;
    throw error;
  }
}

function close(schema: unknown, depth: number): Record<string, unknown> {
  if (!isObject(schema) || depth > MAX_DEPTH) throw new Inexpressible();
  const [only, ...others] = Array.isArray(schema.allOf) ? schema.allOf : [];
  if (isObject(only) && others.length === 0) {
    const { allOf: _allOf, ...rest } = schema;
    return close({ ...rest, ...only }, depth + 1);
  }
  if (typeof schema.$ref === 'string') return reference(schema, depth);
  const entries: [string, unknown][] = [];
  const words: string[] = [];
  const types = typesOf(schema);
  for (const [key, value] of Object.entries(schema)) {
    if (OPEN.has(key)) throw new Inexpressible();
    if (key === 'type' || key === 'description' || key === 'nullable' || SILENT.has(key)) continue;
    if (KEPT.has(key)) entries.push([key, value]);
    else if (key === 'enum') entries.push([key, literals(value)]);
    else if (key === 'const') entries.push([key, literals([value])[0]]);
    else if (Object.hasOwn(LISTS, key)) entries.push([LISTS[key]!, list(value, depth)]);
    else if (key === '$defs' || key === 'definitions' || key === 'properties') entries.push([key, each(value, depth)]);
    else if (key === 'items') entries.push([key, close(value, depth + 1)]);
    else if (key === 'additionalProperties') checkClosed(value);
    else if (key === 'format' && FORMATS.has(value as string)) entries.push([key, value]);
    else if (key === 'minItems' && (value === 0 || value === 1)) entries.push([key, value]);
    else words.push(`${key} ${JSON.stringify(value)}`);
  }
  if (types.includes('object')) {
    if (!isObject(schema.properties) || Object.keys(schema.properties).length === 0) checkEmpty(schema);
    if (!isObject(schema.properties)) entries.push(['properties', {}]);
    entries.push(['additionalProperties', false]);
  }
  const description = describe(schema.description, words);
  if (description !== null) entries.unshift(['description', description]);
  return typed(types, entries, schema);
}

/** The type ahead of the rest; an object or a list that may also be something else becomes a choice. */
function typed(types: readonly string[], entries: readonly [string, unknown][], schema: JsonObject): Record<string, unknown> {
  const rest = Object.fromEntries(entries);
  if (types.length === 0) {
    if (!['anyOf', 'oneOf', 'allOf', 'enum', 'const'].some((key) => key in schema)) throw new Inexpressible();
    return rest;
  }
  const first = types[0]!;
  if (types.length === 1) return { type: first, ...rest };
  const compound = types.find((type) => type === 'object' || type === 'array');
  if (compound === undefined) return { type: types, ...rest };
  const others = types.filter((type) => type !== compound).map((type) => ({ type }));
  return { anyOf: [{ type: compound, ...rest }, ...others] };
}

function typesOf(schema: JsonObject): readonly string[] {
  const { type } = schema;
  const written = Array.isArray(type)
    ? type.filter((each) => typeof each === 'string')
    : typeof type === 'string'
      ? [type]
      : implied(schema);
  return schema.nullable === true && written.length > 0 && !written.includes('null') ? [...written, 'null'] : written;
}

function implied(schema: JsonObject): readonly string[] {
  if ('enum' in schema || 'const' in schema) return [];
  if ('properties' in schema) return ['object'];
  return 'items' in schema ? ['array'] : [];
}

/** Beside a reference only definitions have a meaning here. */
function reference(schema: JsonObject, depth: number): Record<string, unknown> {
  if (!(schema.$ref as string).startsWith('#')) throw new Inexpressible();
  const { $defs, definitions } = schema;
  return {
    ...($defs === undefined ? {} : { $defs: each($defs, depth) }),
    ...(definitions === undefined ? {} : { definitions: each(definitions, depth) }),
    $ref: schema.$ref,
  };
}

function each(schemas: unknown, depth: number): Record<string, unknown> {
  if (!isObject(schemas)) throw new Inexpressible();
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, close(schema, depth + 1)]));
}

function list(schemas: unknown, depth: number): unknown[] {
  if (!Array.isArray(schemas) || schemas.length === 0) throw new Inexpressible();
  return schemas.map((schema) => close(schema, depth + 1));
}

function literals(values: unknown): readonly unknown[] {
  if (!Array.isArray(values) || values.some((value) => typeof value === 'object' && value !== null)) throw new Inexpressible();
  return values;
}

/** An object that may have more members than it names can be closed; one whose further members have a schema cannot. */
function checkClosed(further: unknown): void {
  if (isObject(further) && Object.keys(further).length > 0) throw new Inexpressible();
}

/** An object that names no members is empty, or a map. */
function checkEmpty(schema: JsonObject): void {
  if (schema.additionalProperties !== false) throw new Inexpressible();
}

function describe(description: unknown, words: readonly string[]): string | null {
  const own = typeof description === 'string' ? description : '';
  if (words.length === 0) return own === '' ? null : own;
  return `${own}${own === '' ? '' : ' '}(${words.join(', ')})`;
}

/** Whether a definition reaches itself. Each definition is looked at once. */
function isRecursive(root: JsonObject): boolean {
  const open = new Set<unknown>();
  const done = new Set<unknown>();
  const visit = (value: unknown, depth: number): boolean => {
    if (typeof value !== 'object' || value === null || depth > 4 * MAX_DEPTH) return depth > 4 * MAX_DEPTH;
    if (Array.isArray(value)) return value.some((inner) => visit(inner, depth + 1));
    const { $ref } = value as JsonObject;
    if (typeof $ref === 'string' && $ref.startsWith('#')) {
      const target = resolve(root, $ref);
      if (open.has(target)) return true;
      if (target !== null && !done.has(target)) {
        open.add(target);
        if (visit(target, depth + 1)) return true;
        open.delete(target);
        done.add(target);
      }
    }
    return Object.entries(value).some(([key, inner]) => key !== '$defs' && key !== 'definitions' && visit(inner, depth + 1));
  };
  open.add(root);
  return visit(root, 0);
}

/** What a JSON pointer in a fragment names (RFC 6901 section 6); null when it names nothing. */
export function resolve(root: JsonObject, ref: string): unknown {
  let at: unknown = root;
  for (const step of ref.slice(1).split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return null;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
