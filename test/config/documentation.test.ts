import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { knownVariables } from '../../config/environment.ts';
import { record, type Schema } from '../../config/json-schema.ts';
import { providerTypes } from '../../providers/index.ts';
import { ConfigSchema } from '../../schemas/config.ts';
import { load } from './sources.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const guide = read('docs/configuration.md');
const example = read('.env.example');

/** Dotted names of every setting: `server.listen`, `providers.*.auth.header`, `models.*.targets[].weight`. */
function fields(schema: Schema, path: string): string[] {
  if (schema.reserved === true) return [];
  const free = record(schema);
  if (free?.values.properties !== undefined) return fields(free.values, `${path}.*`);
  if (schema.items?.properties !== undefined) return fields(schema.items, `${path}[]`);
  if (schema.properties === undefined) return [path];
  return Object.entries(schema.properties).flatMap(([key, member]) => fields(member, path === '' ? key : `${path}.${key}`));
}

test('every setting is in the guide', () => {
  const short = (field: string) => field.replace(/^(?:providers|models|prices)\.\*\./, '');
  const missing = fields(ConfigSchema as Schema, '').filter((field) => {
    if (/\.\*\.timeouts\./.test(field)) return !guide.includes('| `timeouts.*` |');
    if (/tiers\[\]\.(?!above)/.test(field)) return !guide.includes('`tiers[].input`, …');
    return !guide.includes(`\`${short(field)}\``);
  });
  expect(missing).toEqual([]);
});

test('every default in the guide is the one of config/default.yaml', () => {
  const defaults = parse(read('config/default.yaml'));
  const rows = [...guide.matchAll(/^\| `([a-z_.]+)` \| [^|]+ \| `([^`]+)` \|/gm)];
  const wrong = rows
    .map(([, path = '', shown]) => ({ path, shown, value: path.split('.').reduce((at, key) => at?.[key], defaults) }))
    .filter(
      ({ value, shown }) => value !== undefined && (typeof value === 'object' ? JSON.stringify(value) : String(value)) !== shown,
    );
  expect(wrong).toEqual([]);
  expect(rows.length).toBeGreaterThan(40);
});

test('every variable is in the guide and, switched off, in .env.example', () => {
  for (const name of knownVariables(providerTypes).keys()) {
    expect(guide).toContain(`\`${name}\``);
    expect(example).toMatch(new RegExp(`^#${name}=`, 'm'));
  }
  expect(example).not.toMatch(/^[^#\n]/m);
});

test('the examples of the guide are one valid configuration', () => {
  const examples = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text);
  const names = ['OPENAI_API_KEY', 'OPENAI_BATCH_KEY', 'AZURE_OPENAI_API_KEY', 'CI_GATEWAY_KEY'];
  const env = Object.fromEntries(names.map((name, index) => [name, `qW3eR7tY1uI9oP5aS${index}dF`]));
  const { config } = load({ file: examples.join('\n'), env, types: providerTypes });
  expect(Object.keys(config.providers)).toEqual(['openai', 'openai-batch', 'vllm-a', 'azure']);
});
