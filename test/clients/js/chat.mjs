import { check, plan, same, say } from './harness.mjs';

const { greeting, usage } = plan;
const thought = 'Two words, then 東京.';
const address = {
  type: 'object',
  $defs: { place: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false } },
  properties: {
    home: { $ref: '#/$defs/place' },
    moved: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    kind: { type: 'string', enum: ['flat', 'house'] },
  },
  required: ['home', 'moved', 'kind'],
  additionalProperties: false,
};
const response_format = { type: 'json_schema', json_schema: { name: 'address', strict: true, schema: address } };
const isAddress = (value) => same(value, { home: { city: 'text' }, moved: 1, kind: 'flat' }, 'address');
const answersOf = ({ choices }) => choices.map((choice) => [choice.index, choice.message.content]);

const detailsOf = ({ prompt_tokens, completion_tokens, total_tokens, ...details }) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens,
  cached: details.prompt_tokens_details.cached_tokens,
  reasoning: details.completion_tokens_details?.reasoning_tokens ?? 0,
});

/** Text, structured output, reasoning, several answers. */
export function chatChecks({ dialect, create, parse, stream, chunks, reasoningModel }) {
  const isCounted = (usage) => same(detailsOf(usage), plan.details[dialect], 'usage');
  return {
    async chat() {
      const answer = await create({ messages: say('hello') });
      const [choice] = answer.choices;
      same([choice.message.role, choice.message.content, choice.finish_reason], ['assistant', greeting, 'stop']);
      same([choice.logprobs, choice.message.refusal, answer.object], [null, null, 'chat.completion']);
      const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
      same({ prompt_tokens, completion_tokens }, usage, 'usage');
      same(total_tokens, 18, 'total_tokens');
      check(Number.isInteger(answer.created) && answer.id.length > 0 && answer.model.length > 0, answer);
    },
    async chat_stream() {
      const all = await chunks({ messages: say('hello') });
      same(all.map((chunk) => chunk.choices[0].delta.content ?? '').join(''), greeting, 'text');
      const heads = all.map(({ id, created, model, object }) => JSON.stringify([id, created, model, object]));
      same(new Set(heads).size, 1, 'different id, created, model or object');
      same(all.filter((chunk) => chunk.choices[0].delta.role !== undefined).length, 1, 'roles');
      same(all.at(-1).choices[0].finish_reason, 'stop', 'finish_reason');
      check(all.length > 3 && all.every((chunk) => !chunk.usage), all);
    },
    async stream_usage() {
      const all = await chunks({ messages: say('hello'), stream_options: { include_usage: true } });
      const { choices, usage: counted } = all.pop();
      same([choices, counted.prompt_tokens, counted.completion_tokens, counted.total_tokens], [[], 11, 7, 18]);
      const early = all.filter((chunk) => chunk.usage);
      same(early, [], 'usage before the last chunk');
    },
    async instructions() {
      const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'developer', content: 'Be kind.' }, ...say('settings')];
      const { system } = JSON.parse((await create({ messages })).choices[0].message.content);
      check(/^Be brief\.\s*Be kind\.$/.test(system), system);
    },
    async structured_output() {
      const { choices } = await parse({ messages: say('an address'), response_format });
      isAddress(choices[0].message.parsed);
      same(choices[0].finish_reason, 'stop', 'finish_reason');
    },
    async structured_output_stream() {
      const { choices } = await stream({ messages: say('an address'), response_format }).finalChatCompletion();
      isAddress(choices[0].message.parsed);
    },
    async json_object() {
      const answer = await create({ messages: say('JSON, please'), response_format: { type: 'json_object' } });
      same(Object.keys(JSON.parse(answer.choices[0].message.content)), ['setup', 'punchline']);
    },
    async reasoning() {
      const answer = await create({ model: reasoningModel, messages: say('hello'), reasoning_effort: 'low' });
      const { content, reasoning_content } = answer.choices[0].message;
      same([content, reasoning_content], [greeting, thought]);
    },
    async reasoning_stream() {
      const all = await chunks({ model: reasoningModel, messages: say('hello'), reasoning_effort: 'high' });
      const of = (key) => all.map((chunk) => chunk.choices[0].delta[key] ?? '').join('');
      same([of('content'), of('reasoning_content')], [greeting, thought]);
    },
    async length() {
      const { choices } = await create({ messages: say('long') });
      same([choices[0].message.content, choices[0].finish_reason], ['As much as', 'length']);
    },
    usage_details: async () => isCounted((await create({ messages: say('count') })).usage),
    async usage_details_stream() {
      const all = await chunks({ messages: say('count'), stream_options: { include_usage: true } });
      isCounted(all.at(-1).usage);
    },
    async content_filter() {
      const { choices } = await create({ messages: say('filtered') });
      same(choices[0].finish_reason, 'content_filter');
    },
    async several_answers() {
      same(
        answersOf(await create({ messages: say('hello'), n: 2 })),
        [0, 1].map((index) => [index, greeting]),
      );
    },
    async several_answers_stream() {
      const answer = await stream({ messages: say('hello'), n: 2 }).finalChatCompletion();
      same(
        answersOf(answer),
        [0, 1].map((index) => [index, greeting]),
      );
    },
    async logprobs() {
      const { choices } = await create({ messages: say('hello'), logprobs: true, top_logprobs: 2 });
      const [{ token, logprob, bytes, top_logprobs }] = choices[0].logprobs.content;
      same([token, logprob, bytes, top_logprobs.length], [greeting, -0.25, [...Buffer.from(greeting)], 2]);
    },
  };
}
