/**
 * A value that satisfies a JSON schema (or the OpenAPI form of one, whose type names are in capitals). `hints` are what its
 * strings and integers are taken from, when there is something.
 */
export function sample(schema, hints = {}, root = schema) {
  if (schema === undefined || schema === null || schema === true) return {};
  if (typeof schema.$ref === 'string') {
    const path = schema.$ref.split('/').slice(1);
    return sample(
      path.reduce((node, key) => node[key], root),
      hints,
      root,
    );
  }
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const branch = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].find((each) => each.type !== 'null');
  if (branch !== undefined) return sample(branch, hints, root);
  const types = [schema.type ?? (schema.properties ? 'object' : 'string')].flat().map((type) => type.toLowerCase());
  switch (types.find((type) => type !== 'null')) {
    case 'object':
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([key, each]) => [key, sample(each, hints, root)]));
    case 'array':
      return [sample(schema.items, hints, root)];
    case 'integer':
      return hints.integer ?? 1;
    case 'number':
      return 1.5;
    case 'boolean':
      return true;
    case 'string':
      return hints.text ?? 'text';
    default:
      return null;
  }
}
