import type { Violation } from './errors.ts';

type Scalar = 'string' | 'double' | 'int32' | 'int64' | 'bool' | 'bytes' | 'struct' | 'value' | 'duration' | 'timestamp';

export interface EnumType {
  readonly enum: string;
  readonly values: readonly string[];
}

/** Which of the two services knows a field; absent: both. */
export type Api = 'gemini' | 'vertex';

export interface Field {
  readonly kind: Scalar | EnumType | (() => Message);
  readonly list?: boolean;
  readonly map?: boolean;
  /** Of the fields with the same one, only one may be set. */
  readonly oneof?: string;
  readonly only?: Api;
}

/** One proto message: its name and its fields by their camelCase name. */
export interface Message {
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
}

export interface ReadOptions {
  readonly api: Api;
  /** Accept base64 that a recording cut short. */
  readonly truncatedBase64: boolean;
}

/** A message with camelCase names, without nulls, lists as arrays, enum names in capitals. */
export type Canonical = Record<string, unknown>;

const package_ = { gemini: 'google.ai.generativelanguage.v1beta', vertex: 'google.cloud.aiplatform.v1beta1' };
const truncated = /\.\.\.\[TRUNCATED \d+ chars\]$/;
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * Reads JSON as the API's own JSON reader does: names in camelCase or snake_case, null = unset, one value where a list
 * belongs, enum names in any case or as numbers, numbers as text; everything else is a violation with its proto path.
 */
export function readMessage(value: unknown, message: Message, path: string, options: ReadOptions, out: Violation[]): Canonical {
  const result: Canonical = {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    out.push(wrongType(path, `type.googleapis.com/${package_[options.api]}.${message.name}`, value));
    return result;
  }
  const taken = new Map<string, string>();
  for (const [name, member] of Object.entries(value)) {
    const known = lookUp(message, name, options.api);
    if (known === null) {
      out.push(unknownName(name, path));
      continue;
    }
    if (member === null && known.field.kind !== 'value') continue;
    const at = path === '' ? snake(known.name) : `${path}.${snake(known.name)}`;
    const { oneof } = known.field;
    if (oneof !== undefined && taken.has(oneof)) {
      const description = `Invalid value${path === '' ? '' : ` at '${path}'`} (oneof), oneof field '${oneof}' is already set. Cannot set '${known.name}'`;
      out.push({ field: path, description });
      continue;
    }
    if (oneof !== undefined) taken.set(oneof, known.name);
    result[known.name] = readField(member, known.field, at, options, out);
  }
  return result;
}

function readField(value: unknown, field: Field, path: string, options: ReadOptions, out: Violation[]): unknown {
  if (field.map === true) {
    const result: Canonical = Object.create(null) as Canonical;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      out.push(wrongType(path, 'map', value));
      return result;
    }
    for (const [index, [key, member]] of Object.entries(value).entries()) {
      result[key] = readOne(member, field.kind, `${path}[${index}].value`, options, out);
    }
    return result;
  }
  if (field.list === true) {
    const items = Array.isArray(value) ? value : [value];
    return items.map((item, index) => readOne(item, field.kind, `${path}[${index}]`, options, out));
  }
  if (Array.isArray(value) && field.kind !== 'value') {
    const name = path.slice(path.lastIndexOf('.') + 1);
    const parent = path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : '';
    out.push({
      field: parent,
      description: `Invalid JSON payload received. Unknown name "${name}"${parent === '' ? '' : ` at '${parent}'`}: Proto field is not repeating, cannot start list.`,
    });
    return undefined;
  }
  return readOne(value, field.kind, path, options, out);
}

function readOne(value: unknown, kind: Field['kind'], path: string, options: ReadOptions, out: Violation[]): unknown {
  if (typeof kind === 'function') return readMessage(value, kind(), path, options, out);
  if (typeof kind === 'object') return readEnum(value, kind, path, options, out);
  const bad = (type: string, whole = false) => {
    out.push(whole ? { field: path, description: `Invalid value at '${path}' (${type}` } : wrongType(path, type, value));
    return undefined;
  };
  switch (kind) {
    case 'string':
      return typeof value === 'string' ? value : bad('TYPE_STRING');
    case 'bool':
      return value === true || value === 'true' ? true : value === false || value === 'false' ? false : bad('TYPE_BOOL');
    case 'double': {
      const number = asNumber(value);
      return number === null ? bad('TYPE_FLOAT') : number;
    }
    case 'int32': {
      const number = asNumber(value);
      return number === null || !Number.isInteger(number) || Math.abs(number) > 2 ** 31 ? bad('TYPE_INT32') : number;
    }
    case 'int64': {
      const number = asNumber(value);
      return number === null || !Number.isInteger(number) ? bad('TYPE_INT64') : number;
    }
    case 'bytes':
      return readBytes(value, path, options, out);
    case 'struct':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? value
        : bad('type.googleapis.com/google.protobuf.Struct');
    case 'duration':
      if (typeof value === 'string' && /^-?\d+(\.\d{1,9})?s$/.test(value)) return value;
      return bad(
        `type.googleapis.com/google.protobuf.Duration), Field '${path}', Illegal duration format; duration must end with 's'`,
        true,
      );
    case 'timestamp':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value))
        ? value
        : bad('type.googleapis.com/google.protobuf.Timestamp');
    case 'value':
      return value;
  }
}

function readEnum(value: unknown, type: EnumType, path: string, options: ReadOptions, out: Violation[]): unknown {
  if (typeof value === 'number' && type.values[value] !== undefined) return type.values[value];
  const name = typeof value === 'string' ? type.values.find((known) => known.toUpperCase() === value.toUpperCase()) : undefined;
  if (name === undefined) out.push(wrongType(path, `type.googleapis.com/${package_[options.api]}.${type.enum}`, value));
  return name;
}

function readBytes(value: unknown, path: string, options: ReadOptions, out: Violation[]): unknown {
  if (typeof value !== 'string') {
    out.push(wrongType(path, 'TYPE_BYTES', value));
    return undefined;
  }
  if (options.truncatedBase64 && truncated.test(value)) return value;
  if (base64.test(value) && value.replace(/=+$/, '').length % 4 !== 1) return value;
  const shown = value.length > 40 ? `${value.slice(0, 40)}...` : value;
  out.push({
    field: path,
    description: `Invalid value at '${path}' (TYPE_BYTES), Base64 decoding failed for ${JSON.stringify(shown)}`,
  });
  return undefined;
}

function asNumber(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return null;
  const number = Number(value);
  return Number.isNaN(number) ? null : number;
}

function wrongType(path: string, type: string, value: unknown): Violation {
  const shown = typeof value === 'object' && value !== null ? 'Starting an object on a scalar field' : JSON.stringify(value);
  return { field: path, description: `Invalid value at '${path}' (${type}), ${shown}` };
}

function unknownName(name: string, path: string): Violation {
  const where = path === '' ? '' : ` at '${path}'`;
  return {
    field: path,
    description: `Invalid JSON payload received. Unknown name ${JSON.stringify(name)}${where}: Cannot find field.`,
  };
}

const indexes = new WeakMap<Message, Map<string, { name: string; field: Field }>>();

function lookUp(message: Message, name: string, api: Api): { name: string; field: Field } | null {
  let index = indexes.get(message);
  if (index === undefined) {
    index = new Map();
    for (const [camel, field] of Object.entries(message.fields)) {
      index.set(camel, { name: camel, field });
      index.set(snake(camel), { name: camel, field });
    }
    indexes.set(message, index);
  }
  const known = index.get(name);
  return known === undefined || (known.field.only !== undefined && known.field.only !== api) ? null : known;
}

/** The proto spelling of a camelCase name. */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
