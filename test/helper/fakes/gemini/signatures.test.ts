import { expect, test } from 'vitest';
import { issueSignature, sentinel } from './signatures.ts';
import { type GeminiValidation, validateGemini } from './validate.ts';

// One refused request per rule, each beside its nearest accepted neighbour: thought signatures.

const path = (model: string) => `/v1beta/models/${model}:generateContent`;
const say = (text: string) => ({ role: 'user', parts: [{ text }] });
const call = (name = 'f', more: { thoughtSignature?: string; thought_signature?: string } = {}) => ({
  functionCall: { name, args: {} },
  ...more,
});
const result = (name = 'f') => ({ functionResponse: { name, response: { output: 1 } } });
const asked = (...parts: object[]) => ({ role: 'model', parts });
const told = (...parts: object[]) => ({ role: 'user', parts });
const signed = (name = 'f', model = 'gemini-3.8-flash') =>
  call(name, { thoughtSignature: issueSignature({ model, on: `call:${name}` }, 1) });

function says(contents: unknown, model = 'gemini-2.5-flash', options: GeminiValidation = {}): string | null {
  return validateGemini(path(model), { contents }, options)?.body.error.message ?? null;
}

const missing =
  /^Function call is missing a thought_signature in functionCall parts\..*function call `default_api:f` , position 2\./;

test.each<[string, unknown[], unknown[], string | RegExp]>([
  [
    'the first call of a step is signed',
    [say('x'), asked(signed()), told(result())],
    [say('x'), asked(call()), told(result())],
    missing,
  ],
  [
    'its parallel siblings need none',
    [say('x'), asked(signed(), call()), told(result(), result())],
    [say('x'), asked(call(), signed()), told(result(), result())],
    missing,
  ],
  [
    'the placeholder passes',
    [say('x'), asked(call('f', { thoughtSignature: sentinel })), told(result())],
    [say('x'), asked(call()), told(result())],
    missing,
  ],
  [
    'the encoded placeholder passes',
    [say('x'), asked(call('f', { thought_signature: Buffer.from(sentinel).toString('base64') })), told(result())],
    [say('x'), asked(call('f', { thought_signature: 'AAAA' })), told(result())],
    'Corrupted thought signature.',
  ],
  [
    'every step of the current turn is signed',
    [say('x'), asked(signed()), told(result()), asked(signed('g')), told(result('g'))],
    [say('x'), asked(call()), told(result()), asked(signed('g')), told(result('g'))],
    missing,
  ],
  [
    'earlier turns need none',
    [say('x'), asked(call()), told(result()), say('y')],
    [say('x'), asked(call()), told(result())],
    missing,
  ],
  [
    'a signature belongs to one model',
    [say('x'), asked(signed()), told(result())],
    [say('x'), asked(signed('f', 'gemini-3-flash-preview')), told(result())],
    'Corrupted thought signature.',
  ],
  [
    'a signature belongs to one call',
    [say('x'), asked(signed()), told(result())],
    [say('x'), asked({ ...call('f'), thoughtSignature: signed('g').thoughtSignature }), told(result())],
    'Corrupted thought signature.',
  ],
  [
    'a foreign signature is refused in earlier turns too',
    [say('x'), asked(signed()), told(result()), say('y')],
    [say('x'), asked(call('f', { thoughtSignature: 'c2lnXzAx' })), told(result()), say('y')],
    'Corrupted thought signature.',
  ],
])('thought signatures: %s', (_rule, accepted, refused, message) => {
  expect(says(accepted, 'gemini-3.8-flash')).toBeNull();
  expect(says(refused, 'gemini-3.8-flash')).toMatch(message);
  expect(says(refused, 'gemini-3.8-flash', { trustSignatures: true })).toEqual(
    message === missing ? expect.stringMatching(missing) : null,
  );
});

test('thought signatures: models before 3 need none', () => {
  expect(says([say('x'), asked(call()), told(result())], 'gemini-2.5-flash')).toBeNull();
});
