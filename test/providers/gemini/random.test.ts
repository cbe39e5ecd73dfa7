import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TranslationError } from '../../../providers/provider.ts';
import { allowTime, propertyRuns } from '../../fuzz/dice.ts';
import { bytesOf, expectAccepted, play, say, streamText, targetOf, translationOf } from './support.ts';

// What nobody thought of: conversations, schemas and answers put together by chance.

const options = propertyRuns(300);

allowTime();

const model = fc.constantFrom(
  'gemini-2.0-flash',
  'gemini-2.5-flash',
  'gemini-2.5-pro',
  'gemini-3-flash-preview',
  'gemini-3.8-flash',
);
const text = fc.constantFrom('a', '', ' ', '{"a":1}', '[1]', '{"$ref":"x"}');
const image = (more: object = {}) => ({ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', ...more } });
const part = fc.oneof(
  text.map((words) => ({ type: 'text', text: words })),
  fc.constantFrom(image(), image({ detail: 'low' }), { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }),
);
const content = fc.oneof(text, fc.array(part, { maxLength: 3 }));
const calls = fc.array(fc.tuple(fc.constantFrom('f', 'g'), fc.constantFrom('{}', '{"x":1}', '{"x":', ''), content), {
  minLength: 1,
  maxLength: 3,
});

/** One or more messages that belong together; a round of calls with its results in any order, and what the user says meanwhile. */
const round = fc.oneof(
  fc.record({ role: fc.constantFrom('system', 'developer'), content: text }).map((message) => [message]),
  fc.record({ role: fc.constant('user'), content }).map((message) => [message]),
  fc.record({ role: fc.constant('assistant'), content: fc.option(text) }).map((message) => [message]),
  fc.tuple(fc.option(text), calls, fc.nat(), fc.boolean()).map(([words, made, turn, talks]) => {
    const ids = made.map((_, at) => `call_${turn}_${at}`);
    const results: object[] = made.map(([, , result], at) => ({ role: 'tool', tool_call_id: ids[at], content: result }));
    if (turn % 2 === 1) results.reverse();
    if (talks) results.splice(1, 0, { role: 'user', content: 'Wait' });
    const list = made.map(([name, args], at) => ({ id: ids[at], type: 'function', function: { name, arguments: args } }));
    return [{ role: 'assistant', content: words, tool_calls: list }, ...results];
  }),
);

const leafSchema = fc.constantFrom<object | boolean>(
  { type: 'string' },
  { type: ['string', 'null'] },
  { const: 'a' },
  { enum: ['a', 'b'] },
  { enum: [1, 2] },
  { type: 'integer', exclusiveMinimum: 0 },
  { type: 'string', format: 'uri' },
  { type: 'object' },
  { type: 'array' },
  { $ref: '#/$defs/A' },
  { $ref: '#/$defs/A', description: 'd' },
  {},
  true,
);
const { schema } = fc.letrec<{ schema: object | boolean }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    leafSchema,
    fc.record({
      type: fc.constant('object'),
      properties: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema')),
      required: fc.constant(['a']),
    }),
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 2 }).map((oneOf) => ({ oneOf })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 2 }).map((allOf) => ({ allOf })),
  ),
}));
const objectSchema = fc
  .tuple(fc.dictionary(fc.constantFrom('a', 'b', 'c'), schema), schema)
  .map(([properties, A]) => ({ type: 'object', properties, $defs: { A } }));

const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const request = fc.record({
  messages: fc.array(round, { minLength: 1, maxLength: 6 }).map((rounds) => rounds.flat()),
  tools: optional(
    fc
      .array(objectSchema, { minLength: 1, maxLength: 2 })
      .map((list) => list.map((parameters, at) => ({ type: 'function', function: { name: 'fg'[at], parameters } }))),
  ),
  tool_choice: optional(fc.constantFrom<unknown>('auto', 'none', 'required', { type: 'function', function: { name: 'f' } })),
  response_format: optional(objectSchema.map((of) => ({ type: 'json_schema', json_schema: { name: 'n', schema: of } }))),
  reasoning_effort: optional(fc.constantFrom('none', 'low', 'max')),
  temperature: optional(fc.constantFrom(0, 1.5)),
  stream: fc.boolean(),
});

const names = [
  'candidates',
  'content',
  'parts',
  'text',
  'thought',
  'thoughtSignature',
  'functionCall',
  'name',
  'args',
  'partialArgs',
  'jsonPath',
  'stringValue',
  'willContinue',
  'finishReason',
  'index',
  'usageMetadata',
  'promptTokenCount',
  'groundingMetadata',
  'groundingChunks',
  'groundingSupports',
  'segment',
  'endIndex',
  'web',
  'uri',
  'promptFeedback',
  'blockReason',
  'error',
  'logprobsResult',
  'chosenCandidates',
  'inlineData',
  'mimeType',
  'data',
  '__proto__',
  'createTime',
];
const leaf = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e300, '', 'STOP', 'image/png', 'audio/L16;rate=1', '$.a[0]', 2, {}, []),
  fc.string(),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(fc.constantFrom(...names), tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
const answer = fc.oneof(
  value,
  fc
    .tuple(fc.array(value, { maxLength: 3 }), value, value, leaf)
    .map(([parts, usageMetadata, groundingMetadata, finishReason]) => ({
      candidates: [{ content: { parts }, finishReason, groundingMetadata }],
      usageMetadata,
    })),
);

describe('by chance', () => {
  it('a request is accepted by the API, or refused by the name of what is wrong with it', () => {
    let sent = 0;
    fc.assert(
      fc.property(request, model, (body, name) => {
        try {
          const { path, body: bytes } = translationOf(body, targetOf(name)).request;
          expectAccepted(path, JSON.parse(bytes!.toString()));
          sent++;
        } catch (error) {
          if (!(error instanceof TranslationError)) throw error;
          expect(error.failure).toMatchObject({ reason: 'invalid_request', param: expect.any(String) });
        }
      }),
      options,
    );
    expect(sent).toBeGreaterThan(options.numRuns / 8);
  });

  it('I6, A12: an answer is read, or fails as the provider’s', () => {
    fc.assert(
      fc.property(answer, model, (document, name) => {
        const translation = translationOf(say('Hi', { stream: true }), targetOf(name));
        const bytes = bytesOf(document ?? null);
        for (const read of [() => translation.json(bytes), () => translation.jsonAsStream(bytes)]) {
          try {
            read();
          } catch (error) {
            if (!(error instanceof TranslationError)) throw error;
          }
        }
        play(translation.stream(), Buffer.from(streamText([document ?? null])));
      }),
      options,
    );
    expect(({} as Record<string, unknown>).parts).toBeUndefined();
  });
});
