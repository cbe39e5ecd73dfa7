import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { placeholder } from '../../../config/rules/secrets.ts';
import { load, onlyProblem, refusal, strong } from '../sources.ts';

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
  '12345678901234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'a1b2c3d4a1b2c3d4a1b2c3d4a1',
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
  Buffer.from('an encryption key made of letters').subarray(0, 32).toString('base64'),
  Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64'),
  Buffer.from(Array.from({ length: 32 }, (_, at) => 255 - at * 7)).toString('base64'),
])('security 35: the encryption key %j is refused', (ENCRYPTION_KEY) => {
  const sources = ENCRYPTION_KEY === '' ? { file: 'encryption_key: ""\n' } : { env: { ENCRYPTION_KEY } };
  expect(onlyProblem(sources).path).toBe('encryption_key');
});

test('security 35: the encryption key is no secret of another use, and not one of the previous keys', () => {
  const key = randomBytes(32).toString('base64');
  expect(onlyProblem({ env: { ENCRYPTION_KEY: key, ADMIN_API_KEY: key } })).toMatchObject({
    path: 'encryption_key',
    message: 'the key is the same as the secret of management.admin_api_key',
  });
  const asUrl = Buffer.from(key, 'base64').toString('base64url');
  expect(onlyProblem({ env: { ENCRYPTION_KEY: key, PREVIOUS_ENCRYPTION_KEYS: asUrl } }).path).toBe('previous_encryption_keys[0]');
});

test('with Redis the encryption key has to be given, as every replica needs the same', () => {
  const { path, hint } = onlyProblem({ env: { REDIS_URL: 'redis://127.0.0.1:6379' } });
  expect(path).toBe('encryption_key');
  expect(hint).toContain('ENCRYPTION_KEY');
  const env = { REDIS_URL: 'redis://127.0.0.1:6379', ENCRYPTION_KEY: randomBytes(32).toString('base64') };
  expect(load({ env }).config.redis_url).toBe(env.REDIS_URL);
});

test('random keys are never taken for predictable ones', () => {
  for (let at = 0; at < 200; at++) {
    const env = {
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      ADMIN_API_KEY: randomBytes(at % 2 === 0 ? 16 : 32).toString('hex'),
    };
    expect(load({ env }).config.encryption_key).toBe(env.ENCRYPTION_KEY);
  }
});
