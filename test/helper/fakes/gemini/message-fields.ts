import type { EnumType, Field, Message } from './proto.ts';

export const string: Field = { kind: 'string' };
export const strings: Field = { kind: 'string', list: true };
export const bool: Field = { kind: 'bool' };
export const int32: Field = { kind: 'int32' };
export const int64: Field = { kind: 'int64' };
export const double: Field = { kind: 'double' };
export const struct: Field = { kind: 'struct' };
export const value: Field = { kind: 'value' };
export const empty = (name: string): Field => ({ kind: () => ({ name, fields: {} }) });
export const one = (message: () => Message, more: Partial<Field> = {}): Field => ({ kind: message, ...more });
export const many = (message: () => Message, more: Partial<Field> = {}): Field => ({ kind: message, list: true, ...more });
export const oneOf = (name: string, values: readonly string[], more: Partial<Field> = {}): Field => ({
  kind: { enum: name, values } satisfies EnumType,
  ...more,
});
/** Fields of which only one may be set in a part. */
export const data = { oneof: 'data' };
export const vertex = { only: 'vertex' } as const;
export const gemini = { only: 'gemini' } as const;
export const resolutions = [
  'MEDIA_RESOLUTION_UNSPECIFIED',
  'MEDIA_RESOLUTION_LOW',
  'MEDIA_RESOLUTION_MEDIUM',
  'MEDIA_RESOLUTION_HIGH',
];
