import OpenAI from 'openai';

// What an application does with the official client for JavaScript, against mock servers written by others.
// argv: base URL. The models `aimock` and `llmock` lead to those servers. Prints { passed, failed: [messages] }.

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'unused', maxRetries: 0, logLevel: 'off' });
const say = (content) => [{ role: 'user', content }];
const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];
const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'], additionalProperties: false };
const response_format = { type: 'json_schema', json_schema: { name: 'city', strict: true, schema } };

function check(condition, message) {
  if (!condition) throw new Error(message);
}

async function text(options) {
  let whole = '';
  let usage = false;
  for await (const chunk of await client.chat.completions.create({ ...options, stream: true })) {
    whole += chunk.choices[0]?.delta.content ?? '';
    usage ||= 'usage' in chunk && chunk.usage !== null;
  }
  return { whole, usage };
}

const features = {
  async chat(model) {
    const answer = await client.chat.completions.create({ model, messages: say('hello') });
    check(answer.choices[0].message.content.length > 0, 'no content');
    check(answer.usage.total_tokens > 0, 'no usage');
  },
  async 'stream without usage'(model) {
    const { whole, usage } = await text({ model, messages: say('hello') });
    check(whole.length > 0 && !usage, `text ${whole.length}, usage ${usage}`);
  },
  async 'stream with usage'(model) {
    const { whole, usage } = await text({ model, messages: say('hello'), stream_options: { include_usage: true } });
    check(whole.length > 0 && usage, `text ${whole.length}, usage ${usage}`);
  },
  async tools(model) {
    const answer = await client.chat.completions.create({ model, messages: say('weather in Oslo'), tools });
    const [call] = answer.choices[0].message.tool_calls;
    check(
      call.function.name === 'get_weather' && typeof JSON.parse(call.function.arguments).city === 'string',
      JSON.stringify(call),
    );
  },
  async 'tools, streamed'(model) {
    const answer = await client.chat.completions.stream({ model, messages: say('weather in Oslo'), tools }).finalChatCompletion();
    check(answer.choices[0].finish_reason === 'tool_calls', answer.choices[0].finish_reason);
    check(answer.choices[0].message.tool_calls[0].function.name === 'get_weather', 'no call');
  },
  async 'structured output'(model) {
    const answer = await client.chat.completions.parse({ model, messages: say('a city'), response_format });
    check(typeof answer.choices[0].message.parsed.name === 'string', JSON.stringify(answer.choices[0].message));
  },
  async 'embeddings, default encoding'(model) {
    const asked = await client.embeddings.create({ model, input: 'vector' });
    const plain = await client.embeddings.create({ model, input: 'vector', encoding_format: 'float' });
    const [a, b] = [asked.data[0].embedding, plain.data[0].embedding];
    check(a.length > 2 && a.length === b.length, `lengths ${a.length} and ${b.length}`);
    check(
      a.every((value, index) => Math.fround(b[index]) === Math.fround(value)) && a.some((value) => value !== 0),
      'other values',
    );
  },
  async responses(model) {
    check((await client.responses.create({ model, input: 'hello' })).output_text.length > 0, 'no text');
  },
  async 'responses, streamed'(model) {
    const types = [];
    for await (const event of await client.responses.create({ model, input: 'hello', stream: true })) types.push(event.type);
    check(types[0] === 'response.created' && types.at(-1) === 'response.completed', types.join(' '));
  },
  async explained(model) {
    const answer = await client.chat.completions.create({ model, messages: say('hello'), gateway: { explain: true } });
    check(answer.choices[0].message.content.length > 0, 'no content');
    check(answer.gateway.decision.attempts[0].outcome === 'ok', JSON.stringify(answer.gateway));
  },
  async 'explained, streamed'(model) {
    const chunks = [];
    const options = { model, messages: say('hello'), stream: true, gateway: { explain: true } };
    for await (const chunk of await client.chat.completions.create(options)) chunks.push(chunk);
    check(
      chunks.some(({ choices }) => choices[0]?.delta.content),
      'no content',
    );
    check(chunks.at(-1).choices.length === 0 && chunks.at(-1).gateway.decision.model === model, JSON.stringify(chunks.at(-1)));
  },
  async 'explained responses, streamed'(model) {
    const types = [];
    const options = { model, input: 'hello', stream: true, gateway: { explain: true } };
    for await (const event of await client.responses.create(options)) types.push(event.type);
    check(types.slice(-2).join() === 'response.completed,gateway.decision', types.join(' '));
  },
  async models(model) {
    const ids = [];
    for await (const each of client.models.list()) ids.push(each.id);
    check(ids.includes(model), ids.join(' '));
    check((await client.models.retrieve(model)).id === model, 'not retrieved');
  },
  async 'an unknown model'() {
    const error = await client.chat.completions.create({ model: 'nobody', messages: say('x') }).catch((thrown) => thrown);
    check(error instanceof OpenAI.NotFoundError && error.code === 'model_not_found', String(error));
  },
  async 'a bad request'(model) {
    const error = await client.chat.completions.create({ model, messages: say('x'), n: 'two' }).catch((thrown) => thrown);
    check(error instanceof OpenAI.BadRequestError && error.param === 'n', String(error));
  },
};

let passed = 0;
const failed = [];
for (const model of ['aimock', 'llmock']) {
  for (const [name, run] of Object.entries(features)) {
    await run(model).then(
      () => passed++,
      (error) => failed.push(`${name} (${model}): ${error.message}`),
    );
  }
}
console.log(JSON.stringify({ passed, failed, failures: failed.length }));
