import type { TSchema } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { ChatChunkSchema, ChatRequestSchema, ChatResponseSchema } from '../../schemas/chat.ts';
import { EmbeddingsRequestSchema, EmbeddingsResponseSchema } from '../../schemas/embeddings.ts';
import { ErrorEnvelopeSchema } from '../../schemas/error.ts';
import { ModelListSchema } from '../../schemas/models.ts';
import { ResponsesRequestSchema, ResponsesResponseSchema } from '../../schemas/responses.ts';
import { fixture, fixtureJson, fixtures } from '../providers/fixtures.ts';
import { payloads } from '../providers/support.ts';

// As the server compiles them.
const newAjv = () =>
  new Ajv({ coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false, validateSchema: false });
const requests = [ChatRequestSchema, EmbeddingsRequestSchema, ResponsesRequestSchema];

/** The path of the first error, null when the body is valid. */
function firstError(schema: TSchema) {
  const validate = newAjv().compile(schema);
  return (body: unknown): string | null =>
    validate(body) ? null : validate.errors![0]!.instancePath || validate.errors![0]!.params.missingProperty;
}

const chat = firstError(ChatRequestSchema);
const chatWith = (fields: object) => chat({ model: 'm', messages: [{ role: 'user', content: 'x' }], ...fields });

describe('chat request schema', () => {
  it.each(fixtures('request-'))('takes %s', (name) => {
    expect(chat(fixtureJson(name))).toBeNull();
  });

  it('describes all 37 documented fields', () => {
    for (const field of Object.keys(fixtureJson('request-all-fields.json'))) {
      const property = (ChatRequestSchema.properties as Record<string, TSchema>)[field];
      expect(property, field).toBeDefined();
      if (field !== 'model' && field !== 'messages') expect(property?.description, field).toBeTypeOf('string');
    }
  });

  it('takes null for every field but model and messages', () => {
    for (const field of Object.keys(fixtureJson('request-all-fields.json'))) {
      if (field !== 'model' && field !== 'messages') expect(chatWith({ [field]: null }), field).toBeNull();
    }
  });

  it('leaves the body as it is', () => {
    const body = { ...fixtureJson('request-vendor-fields.json'), content: null, stop: ['END'] };
    const before = JSON.stringify(body);
    chat(body);
    expect(JSON.stringify(body)).toBe(before);
  });

  it.each([
    [{ n: 10_000 }, '/n'],
    [{ n: 0 }, '/n'],
    [{ n: -0 }, '/n'],
    [{ n: '100' }, '/n'],
    [{ max_tokens: 1e15 }, '/max_tokens'],
    [{ max_tokens: -1 }, '/max_tokens'],
    [{ max_tokens: 1.5 }, '/max_tokens'],
    [{ max_tokens: -0 }, '/max_tokens'],
    [{ max_completion_tokens: '100' }, '/max_completion_tokens'],
    [{ max_completion_tokens: Number.POSITIVE_INFINITY }, '/max_completion_tokens'],
    [{ temperature: 2.1 }, '/temperature'],
    [{ temperature: Number.POSITIVE_INFINITY }, '/temperature'],
    [{ top_p: -0.1 }, '/top_p'],
    [{ top_logprobs: 21 }, '/top_logprobs'],
    [{ frequency_penalty: 3 }, '/frequency_penalty'],
    [{ seed: 2 ** 64 }, '/seed'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, '/stop'],
    [{ stop: 5 }, '/stop'],
    [{ stream: 'true' }, '/stream'],
    [{ stream_options: { include_usage: 1 } }, '/stream_options/include_usage'],
    [{ metadata: { a: 1 } }, '/metadata/a'],
    [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, ''])) }, '/metadata'],
    [{ safety_identifier: 'x'.repeat(65) }, '/safety_identifier'],
    [{ tools: {} }, '/tools'],
    [{ tools: [5] }, '/tools/0'],
    [{ tool_choice: 5 }, '/tool_choice'],
    [{ response_format: 'json' }, '/response_format'],
    [{ logit_bias: { a: 'x' } }, '/logit_bias/a'],
    [{ model: '' }, '/model'],
    [{ model: 5 }, '/model'],
    [{ model: 'x'.repeat(257) }, '/model'],
    [{ model: undefined }, 'model'],
    [{ messages: [] }, '/messages'],
    [{ messages: undefined }, 'messages'],
    [{ messages: ['x'] }, '/messages/0'],
    [{ messages: [{ content: 'x' }] }, '/messages/0'],
    [{ messages: [{ role: 'user', content: 5 }] }, '/messages/0/content'],
    [{ messages: [{ role: 'user', content: [5] }] }, '/messages/0/content/0'],
    [{ messages: [{ role: 'assistant', tool_calls: 'x' }] }, '/messages/0/tool_calls'],
    [{ gateway: 'x' }, '/gateway'],
  ])('I7: refuses %j, naming %s', (fields, path) => {
    expect(chatWith(fields)).toBe(path);
  });

  it.each([
    [{ messages: [{ role: 'assistant' }] }],
    [{ messages: [{ role: 'assistant', content: null, tool_calls: null }] }],
    [{ messages: [{ role: 'user', content: [] }] }],
    [{ n: 128, top_logprobs: 20, temperature: 2, stop: 'x' }],
    [{ reasoning_effort: 'a word of next year', service_tier: 'another' }],
    [{ anything: { at: ['all'] } }],
  ])('takes %j', (fields) => {
    expect(chatWith(fields)).toBeNull();
  });
});

describe('embeddings request schema', () => {
  const check = firstError(EmbeddingsRequestSchema);

  it.each([['a text'], [['a', 'b']], [[1, 2]], [[[1], [2, 3]]]])('takes input %j', (input) => {
    expect(check({ model: 'm', input, dimensions: null, encoding_format: null, user: null, vendor: 1 })).toBeNull();
  });

  it.each([[''], [[]], [5], [null], [undefined], [{}], [Array(2049).fill('x')]])('refuses input %j', (input) => {
    expect(check({ model: 'm', input })).toMatch(/^\/?input$/);
  });

  it.each([[['a', '']], [[[]]], [[1.5]], [[-1]], [['a', 1]], [[1, 'a']], [[[1], 'a']]])(
    'refuses input %j by its element',
    (input) => {
      expect(check({ model: 'm', input })).toMatch(/^\/input\/\d/);
    },
  );

  it('refuses dimensions and encodings that do not exist', () => {
    expect(check({ model: 'm', input: 'x', dimensions: 0 })).toBe('/dimensions');
    expect(check({ model: 'm', input: 'x', encoding_format: 'int8' })).toBe('/encoding_format');
  });
});

describe('Responses API request schema', () => {
  const check = firstError(ResponsesRequestSchema);

  it('takes text, items, and fields it does not know', () => {
    expect(check({ model: 'm', input: 'x', stream: null })).toBeNull();
    expect(check({ model: 'm', input: [{ role: 'user', content: 'x' }], include: ['a'], prompt: { id: 'p' } })).toBeNull();
  });

  it.each([
    [{ max_output_tokens: 1e15 }, '/max_output_tokens'],
    [{ temperature: -1 }, '/temperature'],
    [{ input: 5 }, '/input'],
    [{ stream: 1 }, '/stream'],
  ])('I7: refuses %j, naming %s', (fields, path) => {
    expect(check({ model: 'm', input: 'x', ...fields })).toBe(path);
  });
});

describe('answer schemas', () => {
  it('describe the fixtures', () => {
    const answer = firstError(ChatResponseSchema);
    const {
      'content parts of a reasoning model': _parts,
      'signed tool call without content': _bare,
      ...answers
    } = fixtureJson('responses.json');
    for (const [name, body] of Object.entries(answers)) if (name !== 'null usage') expect(answer(body), name).toBeNull();
    const chunk = firstError(ChatChunkSchema);
    for (const payload of payloads(fixture('stream-text.sse'))) if (payload !== '[DONE]') expect(chunk(payload)).toBeNull();
    expect(firstError(ResponsesResponseSchema)(fixtureJson('responses-api.json'))).toBeNull();
  });

  it('an error has all four keys', () => {
    const check = firstError(ErrorEnvelopeSchema);
    expect(check({ error: { message: 'm', type: 't', param: null, code: null } })).toBeNull();
    expect(check({ error: { message: 'm', type: 't', param: null } })).toBe('/error');
  });

  it('a model has the integer time that SDKs check', () => {
    const check = firstError(ModelListSchema);
    expect(check({ object: 'list', data: [{ id: 'a', object: 'model', created: 0, owned_by: '' }] })).toBeNull();
    expect(check({ object: 'list', data: [{ id: 'a', object: 'model', created: 0.5, owned_by: '' }] })).toBe('/data/0/created');
  });

  it('embeddings are numbers or base64', () => {
    const check = firstError(EmbeddingsResponseSchema);
    for (const embedding of [[0.5], 'AAAA']) {
      expect(check({ object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding }] })).toBeNull();
    }
  });
});

it('all request schemas compile in under 60 ms of CPU', () => {
  const times = Array.from({ length: 5 }, () => {
    const ajv = newAjv();
    const start = process.cpuUsage();
    for (const schema of requests) ajv.compile(schema);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  });
  expect(Math.min(...times)).toBeLessThan(60);
});
