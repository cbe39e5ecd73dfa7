import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { providerTypes } from '../../providers/index.ts';

const root = join(import.meta.dirname, '../..');

test('the example configuration loads, with a fallback behind its first model', () => {
  const env = {
    CONFIG_FILE: 'examples/gateway.yaml',
    OPENAI_API_KEY: 'sk-kR8vQ2mN5tX9wB3cF7hJ',
    MY_APP_KEY: 'kR8vQ2mN5tX9wB3cF7hJkk',
  };
  const { config, warnings } = loadConfig({ root, env, types: providerTypes, cwd: root });
  expect(Object.keys(config.models)).toEqual(['smart', 'offline']);
  expect(config.models.smart!.fallbacks).toEqual(['offline']);
  expect(config.auth.mode).toBe('gateway');
  expect(warnings).toEqual([]);
});
