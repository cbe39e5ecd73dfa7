import type { TSchema } from '@sinclair/typebox';
import { record, type Schema } from '../../config/json-schema.ts';
import { formatDuration, formatSize } from '../../config/units.ts';

/** What stands in the place of a secret: that it is set, and nothing of it. */
export const secretMarker = Object.freeze({ set: true });

/** What stands in the place of a value the schema does not describe; it may be anything, so it is not shown. */
export const unknownMarker = Object.freeze({ redacted: true });

/**
 * A copy of a configuration value that can be shown: fields marked `secret: true` become `secretMarker`, user info and
 * query of base URLs are cut out, and whatever the schema does not know becomes `unknownMarker`. Durations and sizes get
 * their unit back. Pure; `value` stays as it is.
 */
export function redact(schema: TSchema, value: unknown): unknown {
  return shown(schema as Schema, value);
}

function shown(schema: Schema, value: unknown): unknown {
  if (value === undefined || value === null) return value;
  if (schema.secret === true) return secretMarker;
  if (Array.isArray(value)) return schema.items === undefined ? unknownMarker : value.map((item) => shown(schema.items!, item));
  if (typeof value === 'object') return shownMap(schema, value as Record<string, unknown>);
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => one.secret === true) ? secretMarker : value;
  if (schema.type === undefined && schema.const === undefined) return unknownMarker;
  if (schema.format === 'duration' && typeof value === 'number') return formatDuration(value);
  if (schema.format === 'size' && typeof value === 'number') return formatSize(value);
  return schema.format === 'base-url' ? withoutCredentials(String(value)) : value;
}

function shownMap(schema: Schema, value: Record<string, unknown>): unknown {
  if (schema.properties === undefined && schema.patternProperties === undefined) return unknownMarker;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of Object.entries(value)) {
    const field = fieldSchema(schema, key);
    copy[key] = field === null ? unknownMarker : shown(field, entry);
  }
  return copy;
}

function fieldSchema(schema: Schema, key: string): Schema | null {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key]!;
  const map = record(schema);
  return map !== null && new RegExp(map.pattern, 'u').test(key) ? map.values : null;
}

/** Some upstreams take their key in the URL. */
function withoutCredentials(text: string): string {
  const url = URL.parse(text);
  if (url === null) return /[@?]/.test(text) ? '<redacted>' : text;
  if (url.username === '' && url.password === '' && url.search === '') return text;
  url.username = '';
  url.password = '';
  const query = url.search === '' ? '' : '?<redacted>';
  url.search = '';
  return `${url.href}${query}`;
}
