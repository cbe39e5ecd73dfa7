import { type AnthropicError, invalid } from './errors.ts';
import { type Check, dictionary, fields, isObject, nullable, oneOf, tagged } from './fields.ts';
import type { AnthropicModel } from './models.ts';

export const outputConfigCheck = (beta: boolean): Check =>
  fields(
    {},
    {
      effort: nullable(oneOf('low', 'medium', 'high', 'xhigh', 'max')),
      format: nullable(tagged({ json_schema: fields({ schema: dictionary }, {}, 'type') })),
      ...(beta ? { task_budget: nullable(dictionary) } : {}),
    },
  );

/** Effort levels and the schema of the answer. */
export function checkOutput(body: Record<string, unknown>, model: AnthropicModel): AnthropicError | null {
  const config = body.output_config as { effort?: string | null; format?: { schema: unknown } | null } | undefined;
  const effort = config?.effort ?? null;
  if (effort !== null && model.efforts.length === 0) return invalid('This model does not support the effort parameter.');
  if (effort !== null && !model.efforts.includes(effort)) {
    const listed = [...model.efforts].sort().join(', ');
    return invalid(`This model does not support effort level '${effort}'. Supported levels: ${listed}.`);
  }
  if (config?.format == null) return null;
  if (!model.structured) return invalid('output_config.format: this model does not support output format.');
  const wrong = closedSchema(config.format.schema, 'output_config.format.schema');
  return wrong === null ? null : invalid(wrong);
}

const unsupported: Readonly<Record<string, readonly string[]>> = {
  integer: ['exclusiveMaximum', 'exclusiveMinimum', 'maximum', 'minimum', 'multipleOf'],
  number: ['exclusiveMaximum', 'exclusiveMinimum', 'maximum', 'minimum', 'multipleOf'],
  string: ['maxLength', 'minLength'],
  array: ['contains', 'maxItems', 'uniqueItems'],
  object: ['maxProperties', 'minProperties', 'patternProperties'],
};

/** The rules of schemas that are enforced: every object closed, no bounds, no recursion, references within the document. */
export function closedSchema(schema: unknown, path: string): string | null {
  return visit(schema, schema, path, []);
}

function visit(node: unknown, root: unknown, path: string, open: readonly string[]): string | null {
  if (!isObject(node)) return null;
  const reference = node.$ref;
  if (typeof reference === 'string') {
    if (!reference.startsWith('#')) return `${path}: External references are not supported`;
    if (open.includes(reference)) return `${path}: Recursive schemas are not supported`;
    const target = follow(root, reference);
    return target === undefined
      ? `${path}: Reference ${reference} was not found`
      : visit(target, root, path, [...open, reference]);
  }
  const listed: readonly unknown[] = Array.isArray(node.type) ? node.type : [node.type];
  for (const type of listed) {
    const found = (unsupported[String(type)] ?? []).filter((name) => node[name] !== undefined);
    if (found.length > 0)
      return `${path}: For '${String(type)}' type, ${found.length > 1 ? 'properties' : 'property'} ${found.join(', ')} ${found.length > 1 ? 'are' : 'is'} not supported`;
  }
  if ((listed.includes('object') || node.properties !== undefined) && node.additionalProperties !== false) {
    return `${path}: For 'object' type, 'additionalProperties' must be explicitly set to false`;
  }
  if (typeof node.minItems === 'number' && node.minItems > 1)
    return `${path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported`;
  if (node.oneOf !== undefined) return `${path}: Schema type 'oneOf' is not supported`;
  const inner: [string, unknown][] = [
    ...Object.entries(isObject(node.properties) ? node.properties : {}).map(([name, member]): [string, unknown] => [
      `properties.${name}`,
      member,
    ]),
    ...(node.items === undefined ? [] : [['items', node.items] as [string, unknown]]),
    ...['anyOf', 'allOf'].flatMap((name) =>
      (Array.isArray(node[name]) ? node[name] : []).map((branch, at): [string, unknown] => [`${name}.${at}`, branch]),
    ),
  ];
  for (const [name, member] of inner) {
    const wrong = visit(member, root, `${path}.${name}`, open);
    if (wrong !== null) return wrong;
  }
  return null;
}

function follow(root: unknown, reference: string): unknown {
  let node = root;
  for (const step of reference.slice(1).split('/').filter(Boolean)) {
    const name = step.replace(/~1/g, '/').replace(/~0/g, '~');
    if (!isObject(node) || !Object.hasOwn(node, name)) return undefined;
    node = node[name];
  }
  return node;
}
