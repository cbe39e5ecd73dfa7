import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkReport, type Report } from '../../config/report.ts';
import { makeRoot, strong, types } from './sources.ts';

const canary = 'canary-Zq81Yt55Lm20Ws97';

function report(args: string[], env: NodeJS.ProcessEnv = {}, file = ''): Report {
  const root = makeRoot({ 'my.yaml': file });
  return checkReport({ args, root, cwd: root, env: { CONFIG_FILE: 'my.yaml', ...env }, types });
}

const file = `
providers:
  vendor: { type: vendor, headers: { X-Extra: ${canary}2 }, query: { k: ${canary}3 }, models: [a, b] }
  azure: { type: generic, preset: cloud, base_url: "https://me.test/", api_key: ${canary}4 }
  off: { type: vendor, enabled: false }
models:
  "gpt-5.4/*": { targets: [{ provider: vendor, model: "*", weight: 2 }], timeouts: { idle: 90s } }
keys: { ci: { secret: ${canary}5 } }
`;
const env = {
  VENDOR_API_KEY: `${canary}1`,
  ADMIN_API_KEY: `${canary}6`,
  REDIS_URL: `redis://:${canary}@h`,
  ENCRYPTION_KEY: hash('sha256', 'a key of tests', 'base64'),
};

test('prints every value with its origin in an aligned comment', () => {
  const { stdout, exitCode } = report([], env, file);
  expect(exitCode).toBe(0);
  const line = (start: string) => stdout.split('\n').find((candidate) => candidate.trimStart().startsWith(start));
  expect(line('body_limit:')).toMatch(/body_limit: 32MiB +# config\/default\.yaml:9$/);
  expect(line('idle: 90s')).toMatch(/# my\.yaml:7$/);
  expect(line('mode:')).toMatch(/mode: gateway +# derived: keys exist$/);
  expect(line('- {')).toMatch(/- \{ provider: vendor, model: "\*", weight: 2 \} +# my\.yaml:7$/);
  const columns = new Set(
    stdout
      .split('\n')
      .filter((candidate) => / {2}# (?:config\/|my|env)/.test(candidate))
      .map((candidate) => candidate.indexOf('  # ')),
  );
  expect(columns.size).toBe(1);
});

test('shows secrets by their length only', () => {
  for (const args of [[], ['--json']]) {
    const { stdout } = report(args, env, file);
    expect(stdout).not.toContain(canary);
    expect(stdout).toContain(`<set, ${canary.length + 1} characters>`);
  }
});

test('says where the requests of each provider go', () => {
  const { stdout } = report([], env, file);
  expect(stdout).toContain('#   vendor  https://api.vendor.test/v1  (vendor)');
  expect(stdout).toContain('#   azure   https://me.test/openai/v1  (generic)');
  expect(stdout).toContain('#   off     disabled  (vendor)');
});

test('prints the warnings', () => {
  expect(report([], { ...env, POSTERN_X: '1' }, file).stdout).toMatch(/# Warnings:\n# {3}environment POSTERN_X/);
});

test('what is printed without secrets is a configuration again', () => {
  const { stdout } = report([], { AUTH_MODE: 'none' }, 'models: { "a: b": { targets: [{ provider: echo, model: "0x10" }] } }\n');
  const again = report([], {}, stdout);
  expect(again).toMatchObject({ stderr: '', exitCode: 0 });
  expect(parse(again.stdout)).toEqual(parse(stdout));
});

test('--json is one document with units written out', () => {
  const document = JSON.parse(report(['--json'], env, file).stdout);
  expect(document.config.server.body_limit).toBe('32MiB');
  expect(document.config.models['gpt-5.4/*'].timeouts.idle).toBe('90s');
  expect(document.origins['providers.vendor.api_key']).toBe('environment VENDOR_API_KEY');
  expect(document.providers).toContainEqual({
    name: 'azure',
    type: 'generic',
    enabled: true,
    baseUrl: 'https://me.test/openai/v1',
  });
});

test('problems go to stderr with exit code 1', () => {
  const { stdout, stderr, exitCode } = report([], {}, 'severs: {}\n');
  expect([stdout, exitCode]).toEqual(['', 1]);
  expect(stderr).toContain('severs  (my.yaml:1)');
});

test('problems are JSON with --json', () => {
  const { stdout, exitCode } = report(['--json'], { GATEWAY_API_KEY: strong }, 'severs: {}\n');
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    problems: [{ path: 'severs', where: 'my.yaml:1' }],
    warnings: [expect.any(String)],
  });
});

test('--help explains, an unknown argument is refused', () => {
  expect(report(['--help'])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Usage') });
  expect(report(['--jason'])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--jason') });
});
