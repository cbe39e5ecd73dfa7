import { type GeminiError, invalid } from './errors.ts';
import type { Canonical } from './proto.ts';

/** The rules of the OpenAPI form beyond its field names; `path` is the proto path of the schema. */
export function checkSchema(schema: Canonical, path: string, use: 'parameters' | 'response', top = true): GeminiError | null {
  const type = schema.type;
  const properties = schema.properties as Record<string, Canonical> | undefined;
  const items = schema.items as Canonical | undefined;
  const anyOf = (schema.anyOf as Canonical[] | undefined) ?? [];
  const values = (schema.enum as string[] | undefined) ?? [];
  const say = (field: string, text: string) => invalid(`* ${path}.${field}: ${text}\n`);

  if (properties !== undefined && Object.keys(properties).length > 0 && type !== 'OBJECT')
    return say('properties', 'only allowed for OBJECT type');
  if (items !== undefined && type !== 'ARRAY') return say('items', 'only allowed for ARRAY type');
  if (type === 'ARRAY' && items === undefined) return say('items', 'missing field.');
  if (values.length > 0 && type !== 'STRING') return say('enum', 'only allowed for STRING type');
  const blank = values.indexOf('');
  if (blank !== -1) return say(`enum[${blank}]`, 'cannot be empty');
  if (type === 'STRING' && schema.format !== undefined && !['enum', 'date-time'].includes(String(schema.format))) {
    return say('format', "only 'enum' and 'date-time' are supported for STRING type");
  }
  // A function without parameters is taken in this form (recorded); an object without members inside is not.
  if (type === 'OBJECT' && Object.keys(properties ?? {}).length === 0 && anyOf.length === 0 && !(use === 'parameters' && top)) {
    return say('properties', 'should be non-empty for OBJECT type');
  }
  for (const [index, name] of ((schema.required as string[] | undefined) ?? []).entries()) {
    if (!Object.hasOwn(properties ?? {}, name)) return say(`required[${index}]`, 'property is not defined');
  }
  for (const [name, property] of Object.entries(properties ?? {})) {
    const error = checkSchema(property, `${path}.properties[${name}]`, use, false);
    if (error !== null) return error;
  }
  for (const [index, branch] of anyOf.entries()) {
    const error = checkSchema(branch, `${path}.any_of[${index}]`, use, false);
    if (error !== null) return error;
  }
  return items === undefined ? null : checkSchema(items, `${path}.items`, use, false);
}

/** The true JSON Schema form: an object whose local references lead somewhere. */
export function checkJsonSchema(schema: unknown, path: string): GeminiError | null {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    return invalid(`* ${path}: schema must be an object\n`);
  const root = schema as Record<string, unknown>;
  const visit = (node: unknown): string | null => {
    if (Array.isArray(node)) return first(node);
    if (typeof node !== 'object' || node === null) return null;
    const reference = (node as Record<string, unknown>).$ref;
    if (typeof reference === 'string' && !resolves(root, reference)) return reference;
    return first(Object.values(node));
  };
  const first = (nodes: readonly unknown[]): string | null => {
    for (const node of nodes) {
      const found = visit(node);
      if (found !== null) return found;
    }
    return null;
  };
  const broken = visit(root);
  return broken === null ? null : invalid(`* ${path}: reference to undefined schema at ${broken}\n`);
}

function resolves(root: Record<string, unknown>, reference: string): boolean {
  if (!reference.startsWith('#')) return false;
  let node: unknown = root;
  for (const step of reference.slice(1).split('/').filter(Boolean)) {
    const name = decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return false;
    node = (node as Record<string, unknown>)[name];
  }
  return true;
}
