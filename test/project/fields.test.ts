import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fieldsPage } from '../../docs/fields.ts';
import { frontOf } from '../../providers/fronts.ts';
import { clientDialect, providerTypes } from '../../providers/index.ts';
import { ChatRequestSchema } from '../../schemas/chat.ts';
import { root } from '../helper/gateway.ts';

const { fields } = frontOf(clientDialect);
const translated = providerTypes.filter((type) => type.fields !== undefined);

it('the page of fields is the one the tables make: run `npm run docs`', () => {
  expect(readFileSync(join(root, 'docs/fields.md'), 'utf8')).toBe(fieldsPage(providerTypes));
});

it('every documented field of a chat request has its neutral values', () => {
  const documented = Object.keys(ChatRequestSchema.properties).filter((field) => field !== 'gateway');
  expect(Object.keys(fields).sort()).toEqual(documented.sort());
});

describe.each(translated)('the dialect of provider type $type', (type) => {
  it('rules on every documented field', () => {
    expect(Object.keys(fields).filter((field) => !Object.hasOwn(type.fields!, field))).toEqual([]);
  });
});
