/** The part of JSON Schema that `schemas/config.ts` is written in, and its own marks. */
export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly const?: string | number | boolean;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  /** Accepted by name only; any content is refused. */
  readonly reserved?: boolean;
  /** A map, or a list of such maps. */
  readonly listable?: boolean;
  /** The value is never shown. */
  readonly secret?: boolean;
}

/** A map whose keys the user chooses. */
export function record(schema: Schema): { readonly pattern: string; readonly values: Schema } | null {
  const [entry] = Object.entries(schema.patternProperties ?? {});
  return entry === undefined ? null : { pattern: entry[0], values: entry[1] };
}

/** The literals of a closed choice. */
export function choices(schema: Schema): readonly (string | number | boolean)[] | null {
  if (schema.const !== undefined) return [schema.const];
  const literals = schema.anyOf?.map((option) => option.const);
  return literals?.every((literal) => literal !== undefined) ? literals : null;
}

/** What a value has to be, with an article: `a duration with a unit (500ms, 2s, 5m, 1h, 7d)`. */
export function wanted(schema: Schema): string {
  const literals = choices(schema);
  if (literals !== null) return `one of ${literals.join(', ')}`;
  if (schema.format === 'duration') return 'a duration with a unit (500ms, 2s, 5m, 1h, 7d)';
  if (schema.format === 'instant') return 'a day (2026-12-31) or a time in UTC (2026-12-31T18:00:00Z)';
  if (schema.format === 'size') return 'a size with a unit (512B, 16KiB, 32MiB, 1GB)';
  switch (schema.type) {
    case 'object':
      return schema.listable === true ? 'a map or a list of maps' : 'a map';
    case 'array':
      return 'a list';
    case 'integer':
      return 'a whole number';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    default:
      return 'a text';
  }
}
