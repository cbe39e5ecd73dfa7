import { expect, test } from 'vitest';
import { sentinel } from './signatures.ts';
import { type GeminiValidation, validateGemini } from './validate.ts';

// One refused request per rule, each beside its nearest accepted neighbour: `contents` and what is in them.

const path = (model: string) => `/v1beta/models/${model}:generateContent`;
const say = (text: string) => ({ role: 'user', parts: [{ text }] });
const answered = (text: string) => ({ role: 'model', parts: [{ text }] });
const call = (name = 'f', more: { thoughtSignature?: string; thought_signature?: string } = {}) => ({
  functionCall: { name, args: {} },
  ...more,
});
const result = (name = 'f') => ({ functionResponse: { name, response: { output: 1 } } });
const asked = (...parts: object[]) => ({ role: 'model', parts });
const told = (...parts: object[]) => ({ role: 'user', parts });

function says(contents: unknown, model = 'gemini-2.5-flash', options: GeminiValidation = {}): string | null {
  return validateGemini(path(model), { contents }, options)?.body.error.message ?? null;
}

const order = 'Please ensure that function call turn comes immediately after a user turn or after a function response turn.';
const responses = 'Please ensure that function response turn comes immediately after a function call turn.';
const counts =
  'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.';

test.each<[string, unknown[], unknown[], string]>([
  ['there is something to answer', [say('x')], [], '* GenerateContentRequest.contents: contents is not specified\n'],
  [
    'a content has parts',
    [say('')],
    [{ role: 'user', parts: [] }],
    '* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n',
  ],
  [
    'a part holds something',
    [told({ text: '', thought: false })],
    [told({ thought: false })],
    "* GenerateContentRequest.contents[0].parts[0].data: required oneof field 'data' must have one initialized field\n",
  ],
  [
    'roles are user and model',
    [say('x')],
    [{ role: 'assistant', parts: [{ text: 'x' }] }],
    'Please use a valid role: user, model.',
  ],
  [
    'a system prompt is no content',
    [{ parts: [{ text: 'x' }] }],
    [{ role: 'system', parts: [{ text: 'x' }] }],
    'Please use a valid role: user, model.',
  ],
  ['a call follows the user', [say('x'), asked(call()), told(result())], [asked(call()), told(result())], order],
  ['a call is the model’s', [say('x'), asked(call()), told(result())], [told(call())], order],
  ['a response follows a call', [say('x'), asked(call()), told(result())], [say('x'), answered('y'), told(result())], responses],
  [
    'every call is answered',
    [say('x'), asked(call(), call()), told(result(), result())],
    [say('x'), asked(call(), call()), told(result())],
    counts,
  ],
  [
    'no response is left over',
    [say('x'), asked(call()), told(result())],
    [say('x'), asked(call()), told(result(), result())],
    counts,
  ],
  [
    'all responses are in one content',
    [say('x'), asked(call(), call()), told(result(), result())],
    [say('x'), asked(call(), call()), told(result()), told(result())],
    counts,
  ],
  [
    'two model contents are one turn',
    [say('x'), asked(call()), asked(call('g')), told(result(), result('g'))],
    [say('x'), asked(call()), asked(call('g')), told(result())],
    counts,
  ],
  [
    'responses come before what else is said',
    [say('x'), asked(call()), told(result()), say('y')],
    [say('x'), asked(call()), say('y'), told(result())],
    responses,
  ],
  ['a call is not skipped', [say('x'), asked(call()), told(result()), say('y')], [say('x'), asked(call()), say('y')], counts],
  ['a call is not the end', [say('x'), answered('y')], [say('x'), asked(call())], counts],
  [
    'one turn is the user’s',
    [say('x')],
    [answered('x')],
    'Please ensure that single turn requests end with a user role or the role field is empty.',
  ],
  [
    'a response has a name',
    [say('x'), asked(call()), told(result())],
    [say('x'), asked(call()), told({ functionResponse: { response: {} } })],
    '* GenerateContentRequest.contents[2].parts[0].function_response.name: Name cannot be empty.\n',
  ],
  [
    'a response is an object',
    [say('x'), asked(call()), told(result())],
    [say('x'), asked(call()), told({ functionResponse: { name: 'f', response: 'text' } })],
    `Invalid value at 'contents[2].parts[0].function_response.response' (type.googleapis.com/google.protobuf.Struct), "text"`,
  ],
  [
    'a call has a name',
    [say('x'), asked(call()), told(result())],
    [say('x'), asked({ functionCall: { args: {} } }), told(result())],
    '* GenerateContentRequest.contents[1].parts[0].function_call.name: Name cannot be empty.\n',
  ],
  [
    'a response holds something',
    [say('x'), asked(call()), told({ functionResponse: { name: 'f', response: {} } })],
    [say('x'), asked(call()), told({ functionResponse: { name: 'f', response: null } })],
    '* GenerateContentRequest.contents[2].parts[0].function_response.response: missing field.\n',
  ],
  [
    'a response is the user’s',
    [say('x'), asked(call()), told(result()), answered('y')],
    [say('x'), answered('y'), say('z'), asked(result())],
    responses,
  ],
  [
    'a file has data',
    [told({ inlineData: { mimeType: 'image/png', data: 'AAAA' } })],
    [told({ inlineData: { mimeType: 'image/png', data: '' } })],
    '* GenerateContentRequest.contents[0].parts[0].inline_data.data: missing field.\n',
  ],
  [
    'a content is an object',
    [say('x')],
    ['x'],
    `Invalid value at 'contents[0]' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content), "x"`,
  ],
  [
    'data is text',
    [say('x')],
    [told({ inlineData: { mimeType: 'image/png', data: 5 } })],
    "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), 5",
  ],
  [
    'arguments are an object',
    [say('x'), asked({ functionCall: { name: 'f' } }), told(result())],
    [say('x'), asked({ functionCall: { name: 'f', args: '{}' } }), told(result())],
    `Invalid value at 'contents[1].parts[0].function_call.args' (type.googleapis.com/google.protobuf.Struct), "{}"`,
  ],
  [
    'a part is one thing',
    [told({ text: 'a' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } })],
    [told({ text: 'a', inlineData: { mimeType: 'image/png', data: 'AAAA' } })],
    "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. Cannot set 'inlineData'",
  ],
  [
    'a media type is one it reads',
    [told({ inlineData: { mimeType: 'image/png', data: 'AAAA' } })],
    [told({ inlineData: { mimeType: 'image/svg+xml', data: 'AAAA' } })],
    'Unsupported MIME type: image/svg+xml',
  ],
  [
    'data is base64 of either alphabet',
    [told({ inlineData: { mimeType: 'image/png', data: '_-8=' } }, { inline_data: { mime_type: 'image/png', data: '/+8=' } })],
    [told({ inlineData: { mimeType: 'image/png', data: 'data:image/png;base64,AAAA' } })],
    `Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed for "data:image/png;base64,AAAA"`,
  ],
  [
    'a file is where the service can fetch it',
    [told({ fileData: { mimeType: 'image/png', fileUri: 'https://a.test/b.png' } })],
    [told({ fileData: { mimeType: 'image/png', fileUri: 'data:image/png;base64,AAAA' } })],
    'Invalid or unsupported file uri: data:image/png;base64,AAAA',
  ],
])('contents: %s', (_rule, accepted, refused, message) => {
  expect(says(accepted)).toBeNull();
  expect(says(refused)).toBe(message);
});

test('contents: an unknown member is refused with its path and all others on further lines', () => {
  const refusal = validateGemini(path('gemini-2.5-flash'), { contents: [told({ text: 'x', cache_control: {} })], stream: true });
  const inner = `Invalid JSON payload received. Unknown name "cache_control" at 'contents[0].parts[0]': Cannot find field.`;
  const outer = 'Invalid JSON payload received. Unknown name "stream": Cannot find field.';
  expect(refusal).toEqual({
    status: 400,
    body: {
      error: {
        code: 400,
        message: `${inner}\n${outer}`,
        status: 'INVALID_ARGUMENT',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.BadRequest',
            fieldViolations: [{ field: 'contents[0].parts[0]', description: inner }, { description: outer }],
          },
        ],
      },
    },
  });
});

test('contents: names may be in either spelling, null is unset, one value stands for a list', () => {
  const content = { role: 'user', parts: { text: 'x', inline_data: null } };
  expect(validateGemini(path('gemini-2.5-flash'), { contents: content, system_instruction: null })).toBeNull();
});

test('a request may end with a model turn on older models only', () => {
  const contents = [say('x'), answered('y')];
  expect(says(contents, 'gemini-3-flash-preview')).toBeNull();
  expect(says(contents, 'gemini-3.8-flash')).toBe('Requests ending with a model turn are not supported.');
});

test('the resolution of one part is for models from 3 on', () => {
  const contents = [told({ text: 'x', mediaResolution: { level: 'MEDIA_RESOLUTION_HIGH' } })];
  expect(says(contents, 'gemini-3.8-flash')).toBeNull();
  expect(says(contents, 'gemini-2.5-flash')).toBe('Media resolution per part is not supported by this model.');
});

test('Vertex wants some text where there is nothing else', () => {
  const vertex = (text: string) =>
    validateGemini('/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent', {
      contents: [say(text)],
    });
  expect(vertex('x')).toBeNull();
  expect(vertex('')?.body.error.message).toMatch(/must have a text parameter/);
});

test('files in a function response are for models from 3 on', () => {
  const parts = [{ inlineData: { mimeType: 'image/png', data: 'AAAA' } }];
  const contents = (more: object) => [
    say('x'),
    asked(call('f', more)),
    told({ functionResponse: { name: 'f', response: {}, parts } }),
  ];
  expect(says(contents({ thoughtSignature: sentinel }), 'gemini-3.8-flash')).toBeNull();
  expect(says(contents({}), 'gemini-2.5-flash')).toBe('Multimodal function responses are not supported by this model.');
});
