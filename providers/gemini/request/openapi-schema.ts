import { isObject, type JsonObject, refuse } from '../../wire/json.ts';
import { laid, type Room, widthOf } from './json-schema.ts';
import { resolveRef } from './schema-refs.ts';

// The older form of a schema (`parameters`, `responseSchema`): a subset of OpenAPI 3.0 without references, in which the API
// refuses every member it does not know. Source: ai.google.dev, "Schema" of the REST reference.

const MAX_DEPTH = 64;
/** Nodes of a schema once its references are written out: a few nested ones make millions. */
const MAX_NODES = 20_000;

const TYPES: Readonly<Record<string, string>> = {
  string: 'STRING',
  number: 'NUMBER',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  array: 'ARRAY',
  object: 'OBJECT',
};

/** Members that are copied as they are, by type. */
const COPIED: Readonly<Record<string, readonly string[]>> = {
  STRING: ['minLength', 'maxLength', 'pattern'],
  NUMBER: ['minimum', 'maximum'],
  INTEGER: ['minimum', 'maximum'],
  ARRAY: ['minItems', 'maxItems'],
  OBJECT: ['minProperties', 'maxProperties'],
};

const FORMATS: Readonly<Record<string, readonly string[]>> = {
  STRING: ['date-time'],
  NUMBER: ['float', 'double'],
  INTEGER: ['int32', 'int64'],
};

/** How an object is asked for that may have any members. */
const AS_TEXT = 'a JSON object, written as text';

interface Walk {
  readonly root: JsonObject;
  readonly param: string;
  readonly room: Room;
}

type Schema = Record<string, unknown>;

/**
 * A JSON Schema in the OpenAPI form: references written out (a recursive one ends as JSON text, and so does an object of any members), `const` as
 * `enum`, `oneOf` as `anyOf`, `null` as `nullable`, `allOf` laid together; what the form cannot say goes into the description
 * or is left out. Throws `TranslationError` for one that is too deep or too large that way.
 */
export function toOpenApiSchema(schema: JsonObject, param: string, room: Room = { nodes: MAX_NODES }): Schema {
  return convert(schema, { root: schema, param, room }, [], 0);
}

/** The same for the parameters of a function; null for a function without any, whose empty schema was refused. */
export function toOpenApiParameters(schema: JsonObject, param: string, room?: Room): Schema | null {
  const converted = toOpenApiSchema(schema, param, room);
  return converted.properties === undefined && converted.anyOf === undefined ? null : { ...converted, type: 'OBJECT' };
}

function convert(raw: unknown, walk: Walk, open: readonly unknown[], depth: number): Schema {
  if (depth > MAX_DEPTH)
    refuse(`The schema is nested deeper than ${MAX_DEPTH} levels, which this model cannot take.`, walk.param);
  spend(walk, 1);
  if (!isObject(raw)) return { type: 'STRING' };
  const { schema, refs } = flattened(raw, walk, open);
  if (schema === null) return { type: 'STRING', ...described(raw, `${AS_TEXT}, as described above`) };
  const branches = alternatives(schema);
  return branches === null ? single(schema, walk, refs, depth) : union(schema, branches, walk, refs, depth);
}

function spend(walk: Walk, nodes: number): void {
  walk.room.nodes -= nodes;
  if (walk.room.nodes < 0) refuse('The schema is too large for this model once its references are written out.', walk.param);
}

/** A schema with its references and `allOf` laid into one level; null when a reference is inside itself. */
function flattened(
  raw: JsonObject,
  walk: Walk,
  open: readonly unknown[],
): { readonly schema: JsonObject | null; readonly refs: readonly unknown[] } {
  let schema: JsonObject = raw;
  let refs = open;
  for (let hops = 0; schema.$ref !== undefined || Array.isArray(schema.allOf); hops++) {
    if (hops > MAX_DEPTH || refs.includes(schema.$ref)) return { schema: null, refs };
    if (schema.$ref !== undefined) {
      const { $ref, ...rest } = schema;
      refs = [...refs, $ref];
      schema = { ...resolveRef(walk.root, $ref), ...rest };
      continue;
    }
    const { allOf, ...rest } = schema;
    const parts: JsonObject[] = [];
    const seen = new Set(refs);
    for (const part of allOf as readonly unknown[]) {
      if (!isObject(part) || seen.has(part.$ref ?? null)) continue;
      const { $ref, ...own } = part;
      const target = $ref === undefined ? null : resolveRef(walk.root, $ref);
      if ($ref !== undefined) seen.add($ref);
      spend(walk, widthOf(target));
      parts.push({ ...target, ...own });
    }
    refs = [...seen];
    schema = laid([...parts, rest]);
  }
  return { schema, refs };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The schemas of which one has to hold; null for a schema that is only one. */
function alternatives(schema: JsonObject): readonly unknown[] | null {
  for (const key of ['anyOf', 'oneOf']) {
    const list = schema[key];
    if (Array.isArray(list) && list.length > 0) return list;
  }
  if (!Array.isArray(schema.type)) return null;
  const types = schema.type.filter((type) => type !== 'null');
  return types.length < 2 ? null : schema.type.map((type) => ({ ...schema, type }));
}

function union(schema: JsonObject, branches: readonly unknown[], walk: Walk, refs: readonly unknown[], depth: number): Schema {
  const { anyOf: _any, oneOf: _one, ...shared } = schema;
  const values = branches.filter((branch) => !(isObject(branch) && branch.type === 'null'));
  const nullable = values.length < branches.length ? { nullable: true } : {};
  if (values.length === 0) return { type: 'STRING', nullable: true };
  if (values.length === 1) {
    const only = isObject(values[0]) ? { ...shared, ...values[0] } : shared;
    return { ...convert(only, walk, refs, depth + 1), ...described(schema), ...nullable };
  }
  const anyOf = values.map((branch) => convert(branch, walk, refs, depth + 1));
  return { anyOf, ...described(schema), ...nullable };
}

function single(schema: JsonObject, walk: Walk, refs: readonly unknown[], depth: number): Schema {
  const nullable = schema.nullable === true || (Array.isArray(schema.type) && schema.type.includes('null'));
  const type = typeOf(schema);
  const notes: string[] = [];
  const result: Schema = { type };
  for (const key of COPIED[type] ?? []) if (schema[key] !== undefined) result[key] = schema[key];
  if (type === 'INTEGER' || type === 'NUMBER') exclusiveBounds(schema, type, result, notes);
  if (typeof schema.format === 'string') {
    if (FORMATS[type]?.includes(schema.format)) result.format = schema.format;
    else notes.push(`format: ${schema.format}`);
  }
  enumerate(schema, type, result, notes);
  if (type === 'OBJECT') Object.assign(result, members(schema, walk, refs, depth));
  // An object without members is refused inside a schema.
  if (type === 'OBJECT' && depth > 0 && result.properties === undefined) {
    result.type = 'STRING';
    notes.push(AS_TEXT);
  }
  if (type === 'ARRAY') result.items = convert(itemsOf(schema), walk, refs, depth + 1);
  if (typeof schema.title === 'string') result.title = schema.title;
  return { ...result, ...described(schema, notes.join(', ')), ...(nullable ? { nullable: true } : {}) };
}

/** The type where it is said, else the one that the other members speak of. */
function typeOf(schema: JsonObject): string {
  const said = Array.isArray(schema.type) ? schema.type.find((type) => type !== 'null') : schema.type;
  const known = typeof said === 'string' ? TYPES[said.toLowerCase()] : undefined;
  if (known !== undefined) return known;
  if (isObject(schema.properties)) return 'OBJECT';
  if (schema.items !== undefined || schema.prefixItems !== undefined) return 'ARRAY';
  const sample = schema.const ?? (Array.isArray(schema.enum) ? schema.enum[0] : undefined);
  if (typeof sample === 'number') return Number.isInteger(sample) ? 'INTEGER' : 'NUMBER';
  return typeof sample === 'boolean' ? 'BOOLEAN' : 'STRING';
}

function exclusiveBounds(schema: JsonObject, type: string, result: Schema, notes: string[]): void {
  const { exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  if (typeof above === 'number') {
    if (type === 'INTEGER') result.minimum = Math.floor(above) + 1;
    else notes.push(`greater than ${above}`);
  }
  if (typeof below === 'number') {
    if (type === 'INTEGER') result.maximum = Math.ceil(below) - 1;
    else notes.push(`less than ${below}`);
  }
}

/** Only texts can be enumerated, and none of them may be empty. */
function enumerate(schema: JsonObject, type: string, result: Schema, notes: string[]): void {
  const values = schema.const === undefined ? listOf(schema.enum) : [schema.const];
  const present = values.filter((value) => value !== null);
  if (present.length === 0) return;
  if (type === 'STRING' && present.every((value) => typeof value === 'string' && value !== '')) {
    result.enum = present;
    result.format = 'enum';
  } else notes.push(`one of: ${present.map((value) => JSON.stringify(value)).join(', ')}`);
}

function members(schema: JsonObject, walk: Walk, refs: readonly unknown[], depth: number): Schema {
  const properties = isObject(schema.properties) ? Object.entries(schema.properties) : [];
  if (properties.length === 0) return {};
  const names = new Set(properties.map(([name]) => name));
  const required = listOf(schema.required).filter((name) => typeof name === 'string' && names.has(name));
  return {
    properties: Object.fromEntries(properties.map(([name, each]) => [name, convert(each, walk, refs, depth + 1)])),
    ...(required.length === 0 ? {} : { required }),
    ...(required.length === 0 && properties.length < 2 ? {} : { propertyOrdering: [...names] }),
  };
}

function itemsOf(schema: JsonObject): unknown {
  if (isObject(schema.items)) return schema.items;
  const tuple = Array.isArray(schema.items) ? schema.items : listOf(schema.prefixItems);
  return tuple.length === 0 ? {} : { anyOf: tuple };
}

function described(schema: JsonObject, note = ''): Schema {
  const said = typeof schema.description === 'string' ? schema.description : '';
  const text = note === '' ? said : said === '' ? note : `${said} (${note})`;
  return text === '' ? {} : { description: text };
}
