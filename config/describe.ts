import { createInstance } from '../providers/instance.ts';
import type { ProviderType } from '../providers/provider.ts';
import { type Config, ConfigSchema } from '../schemas/config.ts';
import { typed } from './interpolate.ts';
import { record, type Schema } from './json-schema.ts';
import type { LoadedConfig } from './load.ts';
import { formatPath, type Path } from './tree.ts';
import { formatDuration, formatSize } from './units.ts';

// The effective configuration for people and machines; secrets by their length only.

/** Column that the comments start at, unless a line is longer. */
const MAX_COLUMN = 64;

/** Lines of YAML with the origin of each value as an aligned comment. */
export function describeConfig({ config, origins }: Pick<LoadedConfig, 'config' | 'origins'>): string[] {
  const lines: { text: string; origin: string }[] = [];
  const walk = (value: unknown, schema: Schema, path: Path, indent: string) => {
    for (const [key, member] of Object.entries(value as object)) {
      const below = memberSchema(schema, key);
      const at = [...path, key];
      const label = `${indent}${scalarText(key)}:`;
      const origin = origins.get(formatPath(at)) ?? '';
      if (isFilledMap(member)) {
        lines.push({ text: label, origin: '' });
        walk(member, below, at, `${indent}  `);
      } else if (Array.isArray(member) && isLong(member, label)) {
        lines.push({ text: label, origin: '' });
        member.forEach((item, index) => {
          const from = origins.get(formatPath([...at, index])) ?? origin;
          lines.push({ text: `${indent}  - ${inline(item, below.items ?? below)}`, origin: from });
        });
      } else lines.push({ text: `${label} ${inline(member, below)}`, origin });
    }
  };
  walk(config, ConfigSchema as Schema, [], '');
  const column = Math.min(
    MAX_COLUMN,
    Math.max(...lines.filter(({ origin }) => origin !== '').map(({ text }) => text.length)) + 2,
  );
  return lines.map(({ text, origin }) => (origin === '' ? text : `${text.padEnd(column - 2)}  # ${origin}`));
}

/** A copy of the snapshot that may be shown: `<set, 51 characters>` for each secret, units written out. */
export function redactConfig(config: Config): unknown {
  const walk = (value: unknown, schema: Schema): unknown => {
    if (schema.secret === true) return redacted(value);
    if (Array.isArray(value)) return value.map((item) => walk(item, schema.items ?? schema));
    if (typeof value !== 'object' || value === null) return withUnit(value, schema);
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member, memberSchema(schema, key))]));
  };
  return walk(config, ConfigSchema as Schema);
}

/** One provider as operators want to see it. `baseUrl` is '' for one that answers in process. */
export interface ProviderSummary {
  readonly name: string;
  readonly type: string;
  readonly enabled: boolean;
  readonly baseUrl: string;
}

/** Every configured provider with the URL that its requests go to, in file order. */
export function describeProviders(config: Config, types: readonly ProviderType[]): ProviderSummary[] {
  return Object.entries(config.providers).map(([name, entry]) => {
    const type = types.find((candidate) => candidate.type === entry.type);
    const enabled = entry.enabled !== false;
    // A disabled entry may be incomplete.
    const baseUrl = type === undefined || !enabled ? '' : createInstance(name, entry, type).baseUrl;
    return { name, type: entry.type, enabled, baseUrl };
  });
}

function memberSchema(schema: Schema, key: string): Schema {
  return schema.properties?.[key] ?? record(schema)?.values ?? {};
}

/** Whether the items of a list need lines of their own. */
function isLong(items: readonly unknown[], label: string): boolean {
  return items.some((item) => typeof item === 'object') || label.length + items.join(', ').length > MAX_COLUMN;
}

function isFilledMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

function inline(value: unknown, schema: Schema): string {
  if (schema.secret === true) return redacted(value);
  if (Array.isArray(value)) return `[${value.map((item) => inline(item, schema.items ?? {})).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, member]) => `${scalarText(key)}: ${inline(member, memberSchema(schema, key))}`,
    );
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  }
  return scalarText(withUnit(value, schema));
}

function withUnit(value: unknown, schema: Schema): unknown {
  if (schema.format === 'duration') return formatDuration(value as number);
  if (schema.format === 'size') return formatSize(value as number);
  return value;
}

function redacted(value: unknown): string {
  return `<set, ${String(value).length} characters>`;
}

/** A scalar as YAML reads it back: quoted when it would be taken for something else. */
function scalarText(value: unknown): string {
  if (typeof value !== 'string') return String(value);
  const plain = /^[A-Za-z0-9_./](?:[A-Za-z0-9_./@+:-]*[A-Za-z0-9_./@+-])?$/.test(value) && typed(value) === value;
  return plain ? value : JSON.stringify(value);
}
