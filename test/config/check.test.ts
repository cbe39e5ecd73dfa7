import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { providerTypes } from '../../providers/index.ts';
import { makeRoot } from './sources.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

function check(args: string[], env: Record<string, string>) {
  return run(process.execPath, [join(root, 'config/check.ts'), ...args], { cwd: makeRoot(), env: { NO_COLOR: '1', ...env } });
}

test('the command finds the project from anywhere, prints the configuration and leaves with 0', async () => {
  const { stdout } = await check([], {});
  expect(stdout).toMatch(/listen: 127\.0\.0\.1:4000 +# config\/default\.yaml:7/);
  expect(stdout).toContain('sandbox  answers in this process');
});

test('the command prints problems to stderr and leaves with 1', async () => {
  const failed = await check([], { WORKERS: '2' }).then(
    () => null,
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
  expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('server.workers  (environment WORKERS)') });
});

test('a variable switches each provider on, at the URL of its vendor', async () => {
  const env = { OPENAI_API_KEY: 'sk-abc1', GOOGLE_API_KEY: 'abc2', ANTHROPIC_API_KEY: 'abc3', OLLAMA_HOST: '0.0.0.0' };
  const { providers } = JSON.parse((await check(['--json'], env)).stdout);
  expect(Object.fromEntries(providers.map((entry: { name: string; baseUrl: string }) => [entry.name, entry.baseUrl]))).toEqual({
    openai: 'https://api.openai.com/v1',
    gemini: 'https://generativelanguage.googleapis.com/v1beta',
    anthropic: 'https://api.anthropic.com/v1',
    ollama: 'http://127.0.0.1:11434/v1',
  });
});

test.each(['https://generativelanguage.googleapis.com/v1beta/openai', 'http://127.0.0.1:9/v1beta/openai/'])(
  'an address of the compatibility endpoint is refused for the native type: %s',
  async (GEMINI_BASE_URL) => {
    const failed = await check([], { GEMINI_API_KEY: 'abc2', GEMINI_BASE_URL }).then(
      () => null,
      (error: { stderr: string }) => error.stderr,
    );
    expect(failed).toContain('providers.gemini.base_url  (environment GEMINI_BASE_URL)');
    expect(failed).toMatch(/the type gemini does not speak what is at a URL that ends in \/openai[\s\S]*cut \/openai off/);
  },
);

test.each(['development', 'production', 'test'])('config/%s.yaml is valid without any variable', (NODE_ENV) => {
  expect(loadConfig({ root, env: { NODE_ENV }, types: providerTypes }).warnings).toEqual([]);
});
