import { isObject, type JsonObject } from '../wire/json.ts';
import { resolve } from './schema.ts';

/** How deep choices and references inside each other are followed. */
const MAX_DEPTH = 16;
/** What the API refuses at the top of a tool's schema. */
const CHOICES = ['anyOf', 'oneOf', 'allOf'] as const;

export interface InputSchema {
  readonly schema: Record<string, unknown>;
  /** It takes more than the parameters do. */
  readonly looser: boolean;
}

/**
 * Parameters as the API wants them: a schema of an object, even where there are none, and no choice between schemas at its top.
 * Such a choice becomes one object with the members of all of them, of which those are required that all require.
 */
export function inputSchema(parameters: unknown): InputSchema {
  if (!isObject(parameters) || Object.keys(parameters).length === 0) {
    return { schema: { type: 'object', properties: {} }, looser: false };
  }
  const looser = CHOICES.some((key) => key in parameters);
  const whole: JsonObject = looser ? joined(parameters) : parameters;
  const { type } = whole;
  if (type === undefined) return { schema: { type: 'object', ...whole }, looser };
  return { schema: Array.isArray(type) && type.includes('object') ? { ...whole, type: 'object' } : whole, looser };
}

/** Every schema a member has somewhere, and what is required. */
interface Members {
  readonly properties: Map<string, Set<unknown>>;
  readonly required: Set<string>;
}

function joined(schema: JsonObject): Record<string, unknown> {
  const { anyOf: _any, oneOf: _one, allOf: _all, properties: _properties, required: _required, ...rest } = schema;
  const { properties, required } = membersOf(schema, { root: schema, known: new Map() }, 0);
  return {
    ...rest,
    properties: Object.fromEntries([...properties].map(([name, schemas]) => [name, eitherOf(schemas)])),
    ...(required.size === 0 ? {} : { required: [...required] }),
  };
}

interface Document {
  readonly root: JsonObject;
  /** By schema; one that is reached again is not looked into again. */
  readonly known: Map<unknown, Members>;
}

function membersOf(schema: unknown, document: Document, depth: number): Members {
  const before = document.known.get(schema);
  if (before !== undefined) return before;
  const found: Members = { properties: new Map(), required: new Set() };
  if (!isObject(schema) || depth > MAX_DEPTH) return found;
  document.known.set(schema, found);
  if (isObject(schema.properties)) {
    for (const [name, member] of Object.entries(schema.properties)) addProperty(found, name, member);
  }
  for (const name of listOf(schema.required)) if (typeof name === 'string') found.required.add(name);
  const referenced = typeof schema.$ref === 'string' ? [resolve(document.root, schema.$ref)] : [];
  for (const part of [...listOf(schema.allOf), ...referenced]) {
    const members = membersOf(part, document, depth + 1);
    addProperties(found, members);
    for (const name of members.required) found.required.add(name);
  }
  for (const choice of [listOf(schema.anyOf), listOf(schema.oneOf)]) {
    const all = choice.map((each) => membersOf(each, document, depth + 1));
    for (const members of all) addProperties(found, members);
    for (const name of all[0]?.required ?? []) if (all.every(({ required }) => required.has(name))) found.required.add(name);
  }
  return found;
}

function addProperties(to: Members, { properties }: Members): void {
  if (properties === to.properties) return;
  for (const [name, schemas] of properties) for (const schema of schemas) addProperty(to, name, schema);
}

function addProperty({ properties }: Members, name: string, schema: unknown): void {
  const schemas = properties.get(name);
  if (schemas === undefined) properties.set(name, new Set([schema]));
  else schemas.add(schema);
}

/** Of schemas that are written alike, one. */
function eitherOf(schemas: ReadonlySet<unknown>): unknown {
  const different = [...new Map([...schemas].map((schema) => [JSON.stringify(schema), schema])).values()];
  return different.length === 1 ? different[0] : { anyOf: different };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
