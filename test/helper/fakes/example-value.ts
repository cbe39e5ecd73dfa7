type Schema = Readonly<Record<string, unknown>>;

/** The same value for the same schema every time: JSON Schema or the OpenAPI form with types in capitals. */
export function exampleValue(schema: unknown, root: unknown = schema, depth = 0): unknown {
  if (typeof schema !== 'object' || schema === null || depth > 12) return null;
  const node = schema as Schema;
  if (node.const !== undefined) return node.const;
  if (Array.isArray(node.enum) && node.enum.length > 0) return node.enum[0];
  if (typeof node.$ref === 'string') return exampleValue(follow(root, node.$ref), root, depth + 1);
  const branches = node.anyOf ?? node.oneOf;
  if (Array.isArray(branches)) {
    const branch = branches.find((entry) => (entry as Schema | null)?.type !== 'null') ?? branches[0];
    return exampleValue(branch, root, depth + 1);
  }
  if (Array.isArray(node.allOf)) return exampleValue(node.allOf[0], root, depth + 1);
  const listed = Array.isArray(node.type) ? node.type.find((type) => type !== 'null') : node.type;
  switch (String(listed ?? (node.properties === undefined ? '' : 'object')).toLowerCase()) {
    case 'object':
      return Object.fromEntries(
        Object.entries((node.properties as Schema | undefined) ?? {}).map(([name, member]) => [
          name,
          exampleValue(member, root, depth + 1),
        ]),
      );
    case 'array':
      return [exampleValue(node.items ?? { type: 'string' }, root, depth + 1)];
    case 'integer':
      return typeof node.minimum === 'number' ? Math.ceil(node.minimum) : 7;
    case 'number':
      return typeof node.minimum === 'number' ? node.minimum : 1.5;
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return 'Ünïcode “value” 👍';
  }
}

function follow(root: unknown, reference: string): unknown {
  let node = root;
  for (const step of reference.replace(/^#/, '').split('/').filter(Boolean)) {
    if (typeof node !== 'object' || node === null) return null;
    node = (node as Schema)[step.replace(/~1/g, '/').replace(/~0/g, '~')];
  }
  return node;
}
