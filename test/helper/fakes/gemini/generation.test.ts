import { expect, test } from 'vitest';
import { validateGemini } from './validate.ts';

// One refused request per rule, each beside its nearest accepted neighbour: generationConfig, safety settings, models.

const contents = [{ role: 'user', parts: [{ text: 'x' }] }];
const config = (generationConfig: unknown) => ({ contents, generationConfig });
const says = (model: string, body: unknown) =>
  validateGemini(`/v1beta/models/${model}:generateContent`, body)?.body.error.message ?? null;

const fn = (name: string, more: object = {}) => ({ name, description: 'd', ...more });
const tools = (...functionDeclarations: object[]) => ({ contents, tools: [{ functionDeclarations }] });
const object = { type: 'object', properties: { a: { type: 'string' } } };
const json = { responseMimeType: 'application/json' };
const path = 'GenerateContentRequest.generation_config';

test.each<[string, string, unknown, unknown, string]>([
  [
    'temperature',
    'gemini-2.5-flash',
    config({ temperature: 2 }),
    config({ temperature: 2.1 }),
    `* ${path}.temperature: temperature must be in the range [0.0, 2.0].\n`,
  ],
  [
    'top_p',
    'gemini-2.5-flash',
    config({ topP: 1 }),
    config({ topP: 1.1 }),
    `* ${path}.top_p: top_p must be in the range [0.0, 1.0].\n`,
  ],
  ['top_k', 'gemini-2.5-flash', config({ topK: 1 }), config({ topK: 0 }), `* ${path}.top_k: top_k must be positive.\n`],
  [
    'the output limit',
    'gemini-2.5-flash',
    config({ maxOutputTokens: 1 }),
    config({ maxOutputTokens: 0 }),
    `* ${path}.max_output_tokens: max_output_tokens must be positive.\n`,
  ],
  [
    'whole numbers',
    'gemini-2.5-flash',
    config({ maxOutputTokens: '10' }),
    config({ maxOutputTokens: 1.5 }),
    `Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), 1.5`,
  ],
  [
    'a seed of 32 bits',
    'gemini-2.5-flash',
    config({ seed: 2 ** 31 - 1 }),
    config({ seed: 2 ** 40 }),
    `Invalid value at 'generation_config.seed' (TYPE_INT32), ${2 ** 40}`,
  ],
  [
    'eight candidates',
    'gemini-2.5-flash',
    config({ candidateCount: 8 }),
    config({ candidateCount: 9 }),
    `* ${path}.candidate_count: candidate_count must be in the range [1, 8].\n`,
  ],
  [
    'candidates of the model',
    'gemini-3.8-flash',
    config({ candidateCount: 1 }),
    config({ candidateCount: 2 }),
    'Multiple candidates is not enabled for models/gemini-3.8-flash',
  ],
  [
    'penalties of the model',
    'gemini-3.8-flash',
    config({ presencePenalty: null }),
    config({ presencePenalty: 1 }),
    'Penalty is not enabled for models/gemini-3.8-flash',
  ],
  [
    'the range of penalties',
    'gemini-2.0-flash',
    config({ frequencyPenalty: 1 }),
    config({ frequencyPenalty: 3 }),
    `* ${path}.frequency_penalty: must be in the range [-2.0, 2.0).\n`,
  ],
  [
    'logprobs',
    'gemini-2.5-flash',
    config({ responseLogprobs: true, logprobs: 20 }),
    config({ logprobs: 2 }),
    `* ${path}.logprobs: logprobs can only be set when response_logprobs is true.\n`,
  ],
  [
    'the number of logprobs',
    'gemini-2.5-flash',
    config({ responseLogprobs: true, logprobs: 20 }),
    config({ responseLogprobs: true, logprobs: 21 }),
    `* ${path}.logprobs: logprobs must be in the range [0, 20].\n`,
  ],
  [
    'five stops',
    'gemini-2.5-flash',
    config({ stopSequences: ['1', '2', '3', '4', '5'] }),
    config({ stopSequences: ['1', '2', '3', '4', '5', '6'] }),
    `* ${path}.stop_sequences: at most 5 stop sequences can be specified.\n`,
  ],
  [
    'stops with text',
    'gemini-2.5-flash',
    config({ stopSequences: ['\n'] }),
    config({ stopSequences: ['\n', ''] }),
    `* ${path}.stop_sequences[1]: must not be empty.\n`,
  ],
  [
    'response types',
    'gemini-2.5-flash',
    config(json),
    config({ responseMimeType: 'json' }),
    `* ${path}.response_mime_type: allowed mimetypes are \`text/plain\`, \`application/json\`, \`application/xml\`, \`application/yaml\` and \`text/x.enum\`.\n`,
  ],
  [
    'a schema is for JSON',
    'gemini-2.5-flash',
    config({ ...json, responseJsonSchema: object }),
    config({ responseJsonSchema: object }),
    `* ${path}.response_mime_type: a response schema requires the response mime type application/json.\n`,
  ],
  [
    'one form of schema',
    'gemini-2.5-flash',
    config({ ...json, responseSchema: object }),
    config({ ...json, responseSchema: object, responseJsonSchema: object }),
    `* ${path}.response_schema: only one of response_schema and response_json_schema may be set.\n`,
  ],
  [
    'modalities of the model',
    'gemini-2.5-flash-image',
    config({ responseModalities: ['TEXT', 'IMAGE'] }),
    config({ responseModalities: ['AUDIO'] }),
    'The requested combination of response modalities (AUDIO) is not supported by the model. models/gemini-2.5-flash-image accepts the following combination of response modalities:\n* TEXT, IMAGE\n* IMAGE\n',
  ],
  [
    'names of modalities',
    'gemini-2.5-flash',
    config({ responseModalities: ['text'] }),
    config({ responseModalities: ['words'] }),
    `Invalid value at 'generation_config.response_modalities[0]' (type.googleapis.com/google.ai.generativelanguage.v1beta.Modality), "words"`,
  ],
  [
    'media resolution',
    'gemini-2.5-flash',
    config({ mediaResolution: 'MEDIA_RESOLUTION_LOW' }),
    config({ mediaResolution: 'low' }),
    `Invalid value at 'generation_config.media_resolution' (type.googleapis.com/google.ai.generativelanguage.v1beta.MediaResolution), "low"`,
  ],
  [
    'unknown settings',
    'gemini-2.5-flash',
    config({}),
    config({ max_tokens: 5 }),
    `Invalid JSON payload received. Unknown name "max_tokens" at 'generation_config': Cannot find field.`,
  ],
  [
    'budget or level',
    'gemini-3.8-flash',
    config({ thinkingConfig: { thinkingLevel: 'low' } }),
    config({ thinkingConfig: { thinkingLevel: 'LOW', thinkingBudget: 1 } }),
    'You can only set only one of thinking budget and thinking level.',
  ],
  [
    'levels from 3 on',
    'gemini-3-flash-preview',
    config({ thinkingConfig: { thinkingLevel: 'LOW' } }),
    config({ thinkingConfig: { thinkingLevel: 'NONE' } }),
    `Invalid value at 'generation_config.thinking_config.thinking_level' (type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingLevel), "NONE"`,
  ],
  [
    'no level on 2.5',
    'gemini-2.5-flash',
    config({ thinkingConfig: { thinkingBudget: -1 } }),
    config({ thinkingConfig: { thinkingLevel: 'LOW' } }),
    'Thinking level is not supported for this model.',
  ],
  [
    'the lowest level',
    'gemini-3.8-flash',
    config({ thinkingConfig: { thinkingLevel: 'LOW' } }),
    config({ thinkingConfig: { thinkingLevel: 'MINIMAL' } }),
    'Thinking level MINIMAL is not supported for this model. Please retry with other thinking level.',
  ],
  [
    'the largest budget',
    'gemini-2.5-flash',
    config({ thinkingConfig: { thinkingBudget: 24_576 } }),
    config({ thinkingConfig: { thinkingBudget: 24_577 } }),
    'The thinking budget 24577 is invalid. Please choose a value between 1 and 24576.',
  ],
  [
    'no thinking',
    'gemini-2.5-pro',
    config({ thinkingConfig: { thinkingBudget: 128 } }),
    config({ thinkingConfig: { thinkingBudget: 0 } }),
    'Budget 0 is invalid. This model only works in thinking mode.',
  ],
  [
    'models that do not think',
    'gemini-2.0-flash',
    config({ thinkingConfig: { includeThoughts: false } }),
    config({ thinkingConfig: { includeThoughts: true } }),
    'Thinking is not enabled for this model.',
  ],
  [
    'categories',
    'gemini-2.5-flash',
    { contents, safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }] },
    { contents, safetySettings: [{ category: 'HARM_CATEGORY_VIOLENCES', threshold: 'OFF' }] },
    `Invalid value at 'safety_settings[0].category' (type.googleapis.com/google.ai.generativelanguage.v1beta.HarmCategory), "HARM_CATEGORY_VIOLENCES"`,
  ],
  [
    'thresholds',
    'gemini-2.5-flash',
    { contents, safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }] },
    { contents, safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'NONE' }] },
    `Invalid value at 'safety_settings[0].threshold' (type.googleapis.com/google.ai.generativelanguage.v1beta.SafetySetting.HarmBlockThreshold), "NONE"`,
  ],
  [
    'service tiers',
    'gemini-2.5-flash',
    { contents, serviceTier: 'flex' },
    { contents, serviceTier: 'auto' },
    `Invalid value at 'service_tier' (type.googleapis.com/google.ai.generativelanguage.v1beta.ServiceTier), "auto"`,
  ],
])('generation: %s', (_rule, model, accepted, refused, message) => {
  expect(says(model, accepted)).toBeNull();
  expect(says(model, refused)).toBe(message);
});

test('generation: functions beside a JSON response are for models from 3 on', () => {
  const body = { ...tools(fn('f')), generationConfig: json };
  expect(says('gemini-3.8-flash', body)).toBeNull();
  expect(says('gemini-2.5-flash', body)).toBe("Function calling with a response mime type: 'application/json' is unsupported");
});

test('safety settings: only four categories and civic integrity, each with a threshold', () => {
  const settings = (setting: object) => says('gemini-2.5-flash', { contents, safetySettings: [setting] });
  const vertex = '/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent';
  const jailbreak = { category: 'HARM_CATEGORY_JAILBREAK', threshold: 'OFF' };
  expect(settings({ category: 'HARM_CATEGORY_CIVIC_INTEGRITY', threshold: 'OFF' })).toBeNull();
  expect(settings(jailbreak)).toMatch(/element predicate failed/);
  expect(validateGemini(vertex, { contents, safetySettings: [jailbreak] })).toBeNull();
  expect(settings({ category: 'HARM_CATEGORY_HARASSMENT' })).toMatch(/threshold: missing field/);
});

test('the output limit of the model binds on Vertex', () => {
  const vertex = '/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent';
  expect(validateGemini(vertex, config({ maxOutputTokens: 65_536 }))).toBeNull();
  expect(validateGemini(vertex, config({ maxOutputTokens: 65_537 }))?.body.error.message).toMatch(
    /from 1 \(inclusive\) to 65537 \(exclusive\)/,
  );
  expect(says('gemini-2.5-flash', config({ maxOutputTokens: 65_537 }))).toBeNull();
});

test('addresses: other paths are 404; the compatibility endpoint knows its members and models', () => {
  const compat = (body: object) => validateGemini('/v1beta/openai/chat/completions', body)?.status ?? null;
  const asked = { model: 'gemini-2.5-flash', messages: [{ role: 'user', content: 'x' }] };
  expect(validateGemini('/v1beta/models/gemini-2.5-flash:think', { contents })?.status).toBe(404);
  expect(compat(asked)).toBeNull();
  expect([
    compat({ ...asked, top_k: 1 }),
    compat([]),
    compat({ ...asked, model: 1 }),
    compat({ ...asked, messages: [] }),
  ]).toEqual([400, 400, 400, 400]);
  expect(compat({ ...asked, model: 'gpt-5' })).toBe(404);
});

test('a model that is not there, or cannot do it, is 404', () => {
  expect(says('gemini-2.5-flash', { contents })).toBeNull();
  expect(validateGemini('/v1beta/models/gpt-5:generateContent', { contents })?.status).toBe(404);
  expect(says('gemini-embedding-001', { contents })).toMatch(/^models\/gemini-embedding-001 is not found for API version v1beta/);
});
