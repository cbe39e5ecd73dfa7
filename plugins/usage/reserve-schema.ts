import { type Definition, isObject } from './reserve-parts.ts';

// JSON schemas of tools and answers: what a provider writes out of them in a form of its own.

/** Names and texts that a definition gives the model, from outside in. Iterative: the depth is the caller's choice. */
export function definitionWords({ name, description, schema }: Definition): string[] {
  const words: string[] = [];
  for (const text of [name, description]) if (typeof text === 'string' && text !== '') words.push(text);
  const rest: unknown[] = [schema];
  while (rest.length > 0) {
    const node = rest.pop();
    if (typeof node === 'string') words.push(node);
    else if (typeof node === 'number') words.push(String(node));
    else if (Array.isArray(node)) for (const each of node) rest.push(each);
    else if (isObject(node)) {
      for (const key in node) {
        if (wordless.has(key)) continue;
        if (key === 'properties' || key === '$defs' || key === 'definitions') {
          const named = node[key];
          if (isObject(named)) {
            for (const property in named) {
              words.push(property);
              rest.push(named[property]);
            }
          }
        } else rest.push(node[key]);
      }
    }
  }
  return words;
}

/** Keywords whose values are not written out, or say again what stands elsewhere. */
const wordless: ReadonlySet<string> = new Set([
  'required',
  'additionalProperties',
  '$schema',
  'title',
  '$ref',
  'default',
  'examples',
]);

export interface SchemaShape {
  /** Properties, item types, alternatives; without the root. */
  nodes: number;
  /** Those of them that hold others, or name another. */
  nested: number;
  /** Descriptions, the root's too. */
  described: number;
}

/** What a schema has to be written out of. */
export function shapeOf(schema: unknown): Readonly<SchemaShape> {
  const shape: SchemaShape = { nodes: 0, nested: 0, described: 0 };
  const rest: unknown[] = [schema];
  while (rest.length > 0) {
    const node = rest.pop();
    if (!isObject(node)) continue;
    if (typeof node.description === 'string') shape.described++;
    for (const key of ['properties', '$defs', 'definitions']) {
      const named = node[key];
      if (isObject(named)) for (const name in named) enter(named[name], shape, rest);
    }
    for (const key of ['items', 'additionalProperties', 'anyOf', 'oneOf', 'allOf', 'prefixItems']) {
      const inner = node[key];
      if (Array.isArray(inner)) for (const each of inner) enter(each, shape, rest);
      else if (isObject(inner)) enter(inner, shape, rest);
    }
  }
  return shape;
}

function enter(node: unknown, shape: SchemaShape, rest: unknown[]): void {
  shape.nodes++;
  if (!isObject(node)) return;
  if (node.$ref !== undefined || node.items !== undefined || node.properties !== undefined) shape.nested++;
  rest.push(node);
}
