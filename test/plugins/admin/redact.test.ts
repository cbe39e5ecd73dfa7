import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TSchema, Type } from '@sinclair/typebox';
import { expect, test } from 'vitest';
import { redact, secretMarker, unknownMarker } from '../../../plugins/admin/redact.ts';
import { ConfigSchema } from '../../../schemas/config.ts';

const canary = 'canary-9f2c-secret';

test('a secret field shows that it is set and nothing else', () => {
  const schema = Type.Object({ key: Type.String({ secret: true }), name: Type.String() });
  expect(redact(schema, { key: canary, name: 'n' })).toEqual({ key: secretMarker, name: 'n' });
});

test('an unset secret is not shown as set', () => {
  const schema = Type.Object({ key: Type.Optional(Type.String({ secret: true })) });
  expect(redact(schema, { key: undefined })).toEqual({ key: undefined });
});

test('what the schema does not describe is not shown', () => {
  const schema = Type.Object({ known: Type.Object({ a: Type.Number() }) });
  expect(redact(schema, { known: { a: 1, b: canary }, other: canary, list: [canary] })).toEqual({
    known: { a: 1, b: unknownMarker },
    other: unknownMarker,
    list: unknownMarker,
  });
});

test.each([
  ['a map where text is described', Type.String(), { a: canary }],
  ['a list where text is described', Type.String(), [canary]],
  ['anything where any value is allowed', Type.Unknown(), canary],
  ['a map where a choice is described', Type.Union([Type.Literal('a'), Type.Literal('b')]), { a: canary }],
])('%s is not shown', (_name, schema: TSchema, value) => {
  expect(JSON.stringify(redact(schema, value))).not.toContain('canary');
});

test('a choice with a secret among its members is a secret', () => {
  expect(redact(Type.Union([Type.String({ secret: true }), Type.Null()]), canary)).toEqual(secretMarker);
});

test('user info and query of a base URL are cut out', () => {
  const schema = Type.String({ format: 'base-url' });
  expect(redact(schema, 'https://me:pass@host.example/v1?key=abc')).toBe('https://host.example/v1?<redacted>');
  expect(redact(schema, 'https://host.example/v1')).toBe('https://host.example/v1');
});

test('the value itself stays as it is', () => {
  const value = Object.freeze({ key: canary });
  redact(Type.Object({ key: Type.String({ secret: true }) }), value);
  expect(value.key).toBe(canary);
});

test('a key named like a property of every object is looked up in the schema only', () => {
  expect(redact(Type.Object({ a: Type.String() }), { constructor: canary, a: 'x' })).toEqual({
    a: 'x',
    constructor: unknownMarker,
  });
});

test('security 36: no secret of a full configuration is shown, and everything else is', () => {
  const shown = redact(ConfigSchema, {
    management: { listen: '127.0.0.1:4001', admin_api_key: canary, failed_attempts: { max: 20, window: 60_000 } },
    keys: { alice: { secret: canary, models: ['smart'] } },
    providers: {
      up: {
        type: 't',
        api_key: canary,
        base_url: `https://user:${canary}@host.example/v1`,
        headers: { 'x-extra': canary },
        query: { key: canary },
        auth: { header: 'x-key', scheme: '' },
        timeouts: { connect: 2000 },
      },
    },
    models: { smart: { strategy: 'weighted', targets: [{ provider: 'up', model: 'm', weight: 3 }] } },
    prices: { 'up/m': { input: 1, tiers: [{ above: 5, input: 2 }] } },
    logging: { level: 'info', pretty: false, access: true },
    redis_url: `redis://:${canary}@host`,
    encryption_key: canary,
    data_dir: './data',
    plugins: [],
    teams: {},
  });
  expect(JSON.stringify(shown)).not.toContain('canary');
  expect(JSON.stringify(shown)).not.toContain('redacted":true');
  expect(shown).toMatchObject({
    management: { listen: '127.0.0.1:4001', admin_api_key: { set: true }, failed_attempts: { max: 20, window: '1m' } },
    keys: { alice: { secret: { set: true }, models: ['smart'] } },
    providers: {
      up: {
        api_key: { set: true },
        headers: { 'x-extra': { set: true } },
        auth: { header: 'x-key', scheme: '' },
        timeouts: { connect: '2s' },
      },
    },
    models: { smart: { strategy: 'weighted', targets: [{ provider: 'up', model: 'm', weight: 3 }] } },
    prices: { 'up/m': { input: 1, tiers: [{ above: 5, input: 2 }] } },
  });
});

test('security 36: fields of the configuration named like secrets are marked as secrets', () => {
  const source = readFileSync(join(import.meta.dirname, '../../../schemas/config.ts'), 'utf8');
  const unmarked = source
    .replaceAll(/Optional\(\n\s+/g, 'Optional(')
    .split('\n')
    .filter(
      (line) =>
        /^\s+\w*(secret|api_key|password|encryption_key|redis_url|token)\w*:/.test(line) && !line.includes('secret: true'),
    );
  expect(unmarked).toEqual([]);
});
