import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embed, embedMany, generateText, isStepCount, jsonSchema, Output, streamText, tool } from 'ai';

// The AI SDK with its provider for OpenAI-compatible servers, through the gateway to upstreams of three dialects.
// argv: base URL, plan (JSON), gateway key. Prints { passed, failed: [messages] }.

const [baseURL, planText, apiKey] = process.argv.slice(2);
const { dialects, models, greeting } = JSON.parse(planText);
const options = { name: 'postern', baseURL, includeUsage: true, supportsStructuredOutputs: true };
const postern = createOpenAICompatible({ ...options, apiKey });
globalThis.AI_SDK_LOG_WARNINGS = false;

function same(actual, expected, what = 'value') {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}
async function refused(call, status) {
  const error = await call.then(
    () => null,
    (thrown) => thrown,
  );
  if (!APICallError.isInstance(error)) throw new Error(`not refused: ${error}`);
  same(error.statusCode, status, 'status');
  return { error, ...JSON.parse(error.responseBody).error };
}
const object = (properties) =>
  jsonSchema({ type: 'object', properties, required: Object.keys(properties), additionalProperties: false });
const get_weather = tool({
  description: 'Weather of a city.',
  inputSchema: object({ city: { type: 'string' } }),
  execute: async ({ city }) => `${city} is sunny`,
});
const tools = { get_weather };
const sunny = 'get_weather: Oslo is sunny; get_weather: Rome is sunny';
const thought = 'Two words, then 東京.';
const address = object({
  home: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
  kind: { type: 'string', enum: ['flat', 'house'] },
});
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

function checks(dialect) {
  const named = (id) => ({ model: postern(`${dialect}/${id}`), maxRetries: 0 });
  const ask = named(models[dialect].chat);
  const vectors = { model: postern.embeddingModel(`${dialect}/${models[dialect].embeddings}`), maxRetries: 0 };
  const thinking = { ...named(models[dialect].reasoning), providerOptions: { postern: { reasoningEffort: 'low' } } };
  const loop = (answer) => {
    same(answer.text, sunny, 'text');
    same(
      answer.steps.map((step) => [step.finishReason, step.toolCalls.length]),
      [
        ['tool-calls', 2],
        ['stop', 0],
      ],
      'steps',
    );
    same(answer.totalUsage.totalTokens, 36, 'tokens');
  };
  return {
    async generateText() {
      const { text, finishReason, usage } = await generateText({ ...ask, system: 'Be brief.', prompt: 'hello' });
      same([text, finishReason, usage.inputTokens, usage.outputTokens, usage.totalTokens], [greeting, 'stop', 11, 7, 18]);
    },
    async streamText() {
      const answer = streamText({ ...ask, prompt: 'hello' });
      const parts = await Array.fromAsync(answer.textStream);
      same([parts.join(''), await answer.finishReason], [greeting, 'stop']);
      same((await answer.usage).totalTokens, 18, 'tokens');
      if (parts.length < 3) throw new Error(`${parts.length} parts`);
    },
    async 'tools, several steps'() {
      loop(await generateText({ ...ask, tools, prompt: 'weather in Oslo and Rome?', stopWhen: isStepCount(3) }));
    },
    async 'tools, several steps, streamed'() {
      const answer = streamText({ ...ask, tools, prompt: 'weather in Oslo and Rome?', stopWhen: isStepCount(3) });
      await answer.consumeStream();
      const [text, steps, totalUsage] = await Promise.all([answer.text, answer.steps, answer.totalUsage]);
      loop({ text, steps, totalUsage });
    },
    async 'tools, with reasoning in the history'() {
      const first = await generateText({ ...thinking, prompt: 'hello' });
      same(first.reasoningText, thought, 'reasoning');
      const messages = [{ role: 'user', content: 'hello' }, ...first.response.messages];
      const next = { role: 'user', content: 'weather in Oslo and Rome?' };
      loop(await generateText({ ...thinking, tools, messages: [...messages, next], stopWhen: isStepCount(3) }));
    },
    async 'tool choice'() {
      const { toolCalls } = await generateText({
        ...ask,
        tools: { get_weather: { ...get_weather, execute: undefined } },
        toolChoice: { type: 'tool', toolName: 'get_weather' },
        prompt: 'hello',
      });
      same(
        toolCalls.map((call) => [call.toolName, call.input]),
        [['get_weather', { city: 'text' }]],
      );
    },
    async 'structured output'() {
      const answer = await generateText({ ...ask, output: Output.object({ schema: address }), prompt: 'an address' });
      same(answer.output, { home: { city: 'text' }, kind: 'flat' });
    },
    async 'structured output, streamed'() {
      const answer = streamText({ ...ask, output: Output.object({ schema: address }), prompt: 'an address' });
      const partial = await Array.fromAsync(answer.partialOutputStream);
      same(partial.at(-1), { home: { city: 'text' }, kind: 'flat' });
    },
    async image() {
      const content = [
        { type: 'text', text: 'describe' },
        { type: 'file', data: Buffer.from(pixel, 'base64'), mediaType: 'image/png' },
      ];
      same((await generateText({ ...ask, messages: [{ role: 'user', content }] })).text, 'image/png 70');
    },
    async reasoning() {
      const { text, reasoningText } = await generateText({ ...thinking, prompt: 'hello' });
      same([text, reasoningText], [greeting, thought]);
    },
    async 'reasoning, streamed'() {
      const answer = streamText({ ...thinking, prompt: 'hello' });
      await answer.consumeStream();
      same([await answer.text, await answer.reasoningText], [greeting, thought]);
    },
    async settings() {
      const sampling = { temperature: 0.5, maxOutputTokens: 50, stopSequences: ['END'] };
      const { text } = await generateText({ ...ask, ...sampling, prompt: 'settings' });
      const { temperature, max, stop } = JSON.parse(text);
      same({ temperature, max, stop }, { temperature: 0.5, max: 50, stop: ['END'] });
    },
    async embed() {
      const call = embed({ ...vectors, value: 'a text' });
      if (dialect === 'anthropic') return same((await refused(call, 400)).param, 'model');
      const { embedding } = await call;
      if (embedding.length < 768) throw new Error(`${embedding.length} values`);
    },
    async embedMany() {
      const call = embedMany({ ...vectors, values: ['one', 'two', 'three'] });
      if (dialect === 'anthropic') return same((await refused(call, 400)).param, 'model');
      const { embeddings } = await call;
      same(embeddings[1], (await embed({ ...vectors, value: 'two' })).embedding);
    },
    async 'finish reasons'() {
      same((await generateText({ ...ask, prompt: 'long' })).finishReason, 'length');
      same((await generateText({ ...ask, prompt: 'filtered' })).finishReason, 'content-filter');
    },
    async errors() {
      same((await refused(generateText({ ...ask, prompt: 'fail 400' }), 400)).type, 'invalid_request_error');
      const limited = await refused(generateText({ ...named(`${models[dialect].limited}-ai`), prompt: 'fail 429' }), 429);
      same([limited.code, limited.error.isRetryable], ['rate_limit_exceeded', true]);
      same((await refused(generateText({ ...named('gone-ai'), prompt: 'fail 404' }), 404)).code, 'model_not_found');
      const stranger = createOpenAICompatible({ ...options, apiKey: 'sk-wrong' })(`${dialect}/${models[dialect].chat}`);
      same((await refused(generateText({ model: stranger, maxRetries: 0, prompt: 'hello' }), 401)).code, 'invalid_api_key');
    },
    async 'a cut stream'() {
      const seen = [];
      const answer = streamText({ ...ask, prompt: 'cut off', onError() {} });
      for await (const part of answer.fullStream) seen.push(part.type);
      if (!seen.includes('text-delta') || !seen.includes('error')) throw new Error(seen.join(' '));
    },
    async abort() {
      const name = `ai-${dialect}`;
      const leaving = new AbortController();
      const answer = streamText({ ...ask, prompt: `slow ${name}`, abortSignal: leaving.signal });
      for await (const part of answer.textStream) if (part !== '') leaving.abort();
      same((await generateText({ ...ask, prompt: `what? gone ${name}` })).text, `gone ${name}`);
    },
  };
}

let passed = 0;
const failed = [];
for (const dialect of dialects) {
  for (const [name, run] of Object.entries(checks(dialect))) {
    await run().then(
      () => passed++,
      (error) => failed.push(`${name} (${dialect}): ${error.message}`),
    );
  }
}
console.log(JSON.stringify({ passed, failed, failures: failed.length }));
