import { expect, test } from 'vitest';
import { placeholder } from '../../../config/rules/secrets.ts';
import { onlyProblem, refusal, strong } from '../sources.ts';

const key = (secret: string) => `keys: { a: { secret: ${JSON.stringify(secret)} } }\n`;

test('two keys with the same secret are refused without showing it', () => {
  const { problems, message } = refusal({ file: `keys: { a: { secret: ${strong} }, b: { secret: ${strong} } }\n` });
  expect(problems).toMatchObject([{ path: 'keys.b.secret', message: 'the secret is the same as that of keys.a' }]);
  expect(message).not.toContain(strong);
});

test('the admin key cannot be a gateway key', () => {
  expect(onlyProblem({ file: key(strong), env: { ADMIN_API_KEY: strong } }).path).toBe('management.admin_api_key');
});

test.each([
  'changeme-changeme-changeme',
  'sk-your-gateway-key-here',
  'REPLACE_ME_REPLACE_ME',
  'sk-................',
  '<paste the secret here>',
  'xxxxxxxxxxxxxxxxxxxxxxxx',
  'my-super-secret-password',
  'aaaaaaaaaaaaaaaaaaaaaaaa',
  'abababababababababababab',
])('security 35: the example secret %s is refused', (secret) => {
  expect(onlyProblem({ file: key(secret) }).path).toBe('keys.a.secret');
});

test.each(['your-key-here', 'sk-...', '<key>', 'changeme', '$OPENAI_API_KEY'])(
  'security 35: the placeholder %s is refused as a provider key',
  (secret) => {
    expect(onlyProblem({ env: { VENDOR_API_KEY: secret } }).message).toBe('the API key is a placeholder');
  },
);

test.each(['EMPTY', 'none', 'sk-no-key-required', strong])('%s is fine as a key of a server that asks for none', (secret) => {
  expect(placeholder(secret)).toBe(false);
});

test('a placeholder check takes no time on long input', () => {
  const start = performance.now();
  placeholder('apikey'.repeat(20_000));
  placeholder(`your${'key'.repeat(30_000)}`);
  expect(performance.now() - start).toBeLessThan(50);
});

test('a secret that no header can carry is refused', () => {
  expect(onlyProblem({ file: key(`${strong} ü`) }).message).toContain('outside ASCII');
});

test.each([
  '',
  'too-short',
  Buffer.alloc(31, 'abcdefghijk').toString('base64'),
  Buffer.alloc(32).toString('base64'),
  '!'.repeat(44),
])('the encryption key %j is refused', (ENCRYPTION_KEY) => {
  const sources = ENCRYPTION_KEY === '' ? { file: 'encryption_key: ""\n' } : { env: { ENCRYPTION_KEY } };
  expect(onlyProblem(sources).path).toBe('encryption_key');
});
