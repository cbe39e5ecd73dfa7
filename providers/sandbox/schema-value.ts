import { textForPattern } from './pattern.ts';
import { isObject, type JsonObject } from './text.ts';

// A value that a JSON schema accepts, the same one every time: types, enum, const, $ref within the schema, allOf, anyOf,
// oneOf (the first alternative), bounds of numbers, strings and arrays, pattern, the usual formats. Not read: not,
// if/then/else, contains, patternProperties, dependent schemas.

/** Optional properties are filled in down to this depth; below, recursive schemas have to end. */
const generousDepth = 3;
const maxDepth = 32;
/** Values in all, so that `minItems: 1e9` is a wrong answer and not a dead process. */
const maxValues = 10_000;
const maxLength = 100_000;

const formats: Readonly<Record<string, string>> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  duration: 'P1D',
  email: 'someone@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/',
  'uri-reference': '/',
  url: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  'json-pointer': '/a',
  regex: 'a',
};

const number = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A property of both has to satisfy both. */
function mergeProperties(one: JsonObject, two: JsonObject): JsonObject {
  const shared = Object.keys(one).filter((name) => Object.hasOwn(two, name));
  return { ...one, ...two, ...Object.fromEntries(shared.map((name) => [name, { allOf: [one[name], two[name]] }])) };
}

/** Both schemas have to hold. */
function merge(one: JsonObject, two: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...one, ...two };
  const both = (key: string) => one[key] !== undefined && two[key] !== undefined;
  if (isObject(one.properties) && isObject(two.properties)) merged.properties = mergeProperties(one.properties, two.properties);
  if (both('required')) merged.required = [...new Set([...list(one.required), ...list(two.required)])];
  if (both('enum')) merged.enum = list(one.enum).filter((value) => list(two.enum).includes(value));
  for (const key of ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']) {
    if (both(key)) merged[key] = Math.max(Number(one[key]), Number(two[key]));
  }
  for (const key of ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']) {
    if (both(key)) merged[key] = Math.min(Number(one[key]), Number(two[key]));
  }
  return merged;
}

function typeOf(schema: JsonObject, deep: boolean): string {
  const types = list(schema.type);
  if (types.length > 0)
    return String((deep && types.includes('null') ? 'null' : types.find((type) => type !== 'null')) ?? 'null');
  if (typeof schema.type === 'string') return schema.type;
  if (schema.properties !== undefined || schema.required !== undefined || schema.additionalProperties !== undefined)
    return 'object';
  if (schema.items !== undefined || schema.prefixItems !== undefined || schema.minItems !== undefined) return 'array';
  if (['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'].some((key) => key in schema)) return 'number';
  return 'string';
}

function text(schema: JsonObject, variant: number): string {
  const least = Math.min(maxLength, number(schema.minLength) ?? 0);
  const most = number(schema.maxLength) ?? Number.POSITIVE_INFINITY;
  if (typeof schema.pattern === 'string') return textForPattern(schema.pattern, least);
  const format = typeof schema.format === 'string' ? formats[schema.format] : undefined;
  if (format !== undefined) return format;
  const word = variant === 0 ? 'text' : `text ${variant + 1}`;
  // A short text differs by its end, so that cutting keeps items of an array apart.
  const base = word.length > most ? String.fromCharCode(97 + (variant % 26)) : word;
  return base.padEnd(least, '.').slice(0, Math.min(most, maxLength));
}

function amount(schema: JsonObject, integer: boolean, variant: number): number {
  const step = number(schema.multipleOf) ?? (integer ? 1 : 0);
  const above = schema.exclusiveMinimum === true ? number(schema.minimum) : number(schema.exclusiveMinimum);
  const below = schema.exclusiveMaximum === true ? number(schema.maximum) : number(schema.exclusiveMaximum);
  const least = Math.max(number(schema.minimum) ?? Number.NEGATIVE_INFINITY, above ?? Number.NEGATIVE_INFINITY);
  const most = Math.min(number(schema.maximum) ?? Number.POSITIVE_INFINITY, below ?? Number.POSITIVE_INFINITY);
  const start = 1 + variant;
  if (step > 0) {
    const unit = integer && !Number.isInteger(step) ? 1 : step;
    let count = Math.ceil((least === Number.NEGATIVE_INFINITY ? Math.min(start, most) : least) / unit);
    if (least === Number.NEGATIVE_INFINITY && count * unit > most) count = Math.floor(most / unit);
    if (count * unit === above) count++;
    if (count * unit === below) count--;
    return least === Number.NEGATIVE_INFINITY || (count + variant) * unit > most ? count * unit : (count + variant) * unit;
  }
  if (start > least && start < most) return start;
  if (least === Number.NEGATIVE_INFINITY) return below === most ? most - 1 : most;
  if (most === Number.POSITIVE_INFINITY) return above === least ? least + 1 + variant : least + variant;
  return least === most ? least : least + ((most - least) * (1 + (variant % 8))) / 9;
}

/** A step of a reference, percent-decoded where that is possible. */
function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

class Maker {
  readonly #root: unknown;
  #values = 0;

  constructor(root: unknown) {
    this.#root = root;
  }

  make(schema: unknown, depth: number, variant = 0): unknown {
    if (++this.#values > maxValues || depth > maxDepth) return null;
    if (!isObject(schema)) return schema === false ? null : text({}, variant);
    const flat = this.#flatten(schema, depth, 0);
    if (flat.const !== undefined) return flat.const;
    const choices = list(flat.enum);
    if (choices.length > 0) return choices[variant % choices.length];
    switch (typeOf(flat, depth > generousDepth)) {
      case 'object':
        return this.#object(flat, depth);
      case 'array':
        return this.#array(flat, depth);
      case 'integer':
        return amount(flat, true, variant);
      case 'number':
        return amount(flat, false, variant);
      case 'boolean':
        return variant % 2 === 0;
      case 'null':
        return null;
      default:
        return text(flat, variant);
    }
  }

  /** References followed, allOf merged, one alternative of anyOf and oneOf taken. */
  #flatten(schema: JsonObject, depth: number, hops: number): JsonObject {
    if (hops > maxDepth) return {};
    const { $ref, allOf, anyOf, oneOf, ...own } = schema;
    let flat: JsonObject = own;
    const add = (part: unknown) => {
      if (isObject(part)) flat = merge(flat, this.#flatten(part, depth, hops + 1));
    };
    if (typeof $ref === 'string') add(this.#resolve($ref));
    for (const part of list(allOf)) add(part);
    for (const choice of [list(anyOf), list(oneOf)]) if (choice.length > 0) add(this.#alternative(choice, depth));
    return flat;
  }

  /** Deep down the plainest, so that a recursive schema ends; else the first that is not null. */
  #alternative(choices: readonly unknown[], depth: number): unknown {
    const type = (choice: unknown) => (isObject(choice) ? choice.type : undefined);
    const plain = (choice: unknown) => typeof type(choice) === 'string' && type(choice) !== 'object' && type(choice) !== 'array';
    if (depth > generousDepth) return choices.find((choice) => type(choice) === 'null') ?? choices.find(plain) ?? choices[0];
    return choices.find((choice) => type(choice) !== 'null') ?? choices[0];
  }

  #resolve(reference: string): unknown {
    if (!reference.startsWith('#')) return undefined;
    let at: unknown = this.#root;
    for (const step of reference.split('/').slice(1)) {
      const key = decoded(step).replaceAll('~1', '/').replaceAll('~0', '~');
      at = Array.isArray(at) ? at[Number(key)] : isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
    }
    return at;
  }

  #object(schema: JsonObject, depth: number): Record<string, unknown> {
    const properties = isObject(schema.properties) ? schema.properties : {};
    const required = list(schema.required).filter((name): name is string => typeof name === 'string');
    const optional = depth < generousDepth ? Object.keys(properties).filter((name) => properties[name] !== false) : [];
    const most = number(schema.maxProperties) ?? Number.POSITIVE_INFINITY;
    const names = new Set(required);
    for (const name of optional) if (names.size < most) names.add(name);
    const least = Math.min(maxValues, number(schema.minProperties) ?? 0);
    for (let extra = 1; names.size < least; extra++) names.add(`key${extra}`);
    const other = isObject(schema.additionalProperties) ? schema.additionalProperties : true;
    // fromEntries defines properties, so one named `__proto__` is only a property.
    return Object.fromEntries(
      [...names].map((name) => [name, this.make(Object.hasOwn(properties, name) ? properties[name] : other, depth + 1)]),
    );
  }

  #array(schema: JsonObject, depth: number): unknown[] {
    const tuple = list(schema.prefixItems ?? (Array.isArray(schema.items) ? schema.items : undefined));
    const usual = depth < generousDepth && schema.items !== false ? 1 : 0;
    const length = Math.min(
      Math.max(number(schema.minItems) ?? usual, tuple.length),
      number(schema.maxItems) ?? Number.POSITIVE_INFINITY,
    );
    const items = Array.isArray(schema.items) ? schema.additionalItems : schema.items;
    return Array.from({ length: Math.min(length, maxValues) }, (_, at) =>
      this.make(at < tuple.length ? tuple[at] : items, depth + 1, at),
    );
  }
}

/** A value that validates against a JSON schema (see above for what is not read). Never throws, whatever the schema is. */
export function valueForSchema(schema: unknown): unknown {
  return new Maker(schema).make(schema, 0);
}
