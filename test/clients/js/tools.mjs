import { askers, check, plan, same, say } from './harness.mjs';

const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const weather = { type: 'function', function: { name: 'get_weather', description: 'Weather of a city.', parameters: city } };
const clock = { type: 'function', function: { name: 'get_time' } };
const oslo = ['get_weather', { city: 'Oslo' }];
const rome = ['get_weather', { city: 'Rome' }];

/** Name and arguments of every call of an answer that ended with calls. */
function callsOf({ choices }) {
  same(choices[0].finish_reason, 'tool_calls', 'finish_reason');
  const calls = choices[0].message.tool_calls;
  check(new Set(calls.map((call) => call.id)).size === calls.length && calls.every(({ id }) => id.length <= 40), calls);
  return calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
}

/** Two calls, their results, the answer to them. */
async function loop(ask, askNext = ask) {
  const messages = say('weather in Oslo and Rome?');
  const { choices } = await ask({ messages, tools: [weather] });
  // Only the documented fields: what a plain client keeps of an answer.
  const calls = choices[0].message.tool_calls.map(({ id, type, function: { name, arguments: args } }) => ({
    id,
    type,
    function: { name, arguments: args },
  }));
  messages.push({ role: 'assistant', content: null, tool_calls: calls });
  for (const { id, function: called } of calls) {
    messages.push({ role: 'tool', tool_call_id: id, content: `${JSON.parse(called.arguments).city} is sunny` });
  }
  const [choice] = (await askNext({ messages, tools: [weather] })).choices;
  same(choice.message.content, 'get_weather: Oslo is sunny; get_weather: Rome is sunny', 'answer');
  same(choice.finish_reason, 'stop', 'finish_reason');
}

export function toolChecks({ dialect, create, stream, reasoningModel }) {
  const streamed = (options) => stream(options).finalChatCompletion();
  const thinking = { model: reasoningModel, reasoning_effort: 'low' };
  const one = { messages: say('weather in Oslo?'), tools: [weather, clock] };
  const two = { messages: say('weather in Oslo and Rome?'), tools: [weather] };
  const none = { messages: say('get_time, please'), tools: [weather, clock] };
  return {
    async tools() {
      const answer = await create(one);
      same(callsOf(answer), [oslo]);
      same(answer.choices[0].message.content, null, 'content');
    },
    tools_stream: async () => same(callsOf(await streamed(one)), [oslo]),
    tools_parallel: async () => same(callsOf(await create(two)), [oslo, rome]),
    tools_parallel_stream: async () => same(callsOf(await streamed(two)), [oslo, rome]),
    async tools_without_arguments() {
      same(callsOf(await create(none)), [['get_time', {}]]);
      same(callsOf(await streamed(none)), [['get_time', {}]]);
    },
    tool_loop: () => loop(create),
    tool_loop_stream: () => loop(streamed),
    // What a dialect wants back with its calls (signatures, signed reasoning) is more than a plain client keeps.
    tool_loop_reasoning: () => loop((options) => create({ ...thinking, ...options })),
    tool_loop_reasoning_stream: () => loop((options) => streamed({ ...thinking, ...options })),
    async tool_loop_elsewhere() {
      const next = askers(plan.dialects.at(plan.dialects.indexOf(dialect) - 1));
      const there = { model: next.reasoningModel, reasoning_effort: 'low' };
      await loop(
        (options) => create({ ...thinking, ...options }),
        (options) => create({ ...there, ...options }),
      );
    },
    async tool_choice() {
      const ask = (tool_choice) => create({ messages: say('settings'), tools: [weather, clock], tool_choice });
      const choiceOf = ({ choices }) => JSON.parse(choices[0].message.content).choice;
      same(callsOf(await ask({ type: 'function', function: { name: 'get_time' } })), [['get_time', {}]], 'named');
      same(callsOf(await ask('required'))[0][0], 'get_weather', 'required');
      const allowed_tools = { mode: 'required', tools: [{ type: 'function', function: { name: 'get_time' } }] };
      same(callsOf(await ask({ type: 'allowed_tools', allowed_tools })), [['get_time', {}]], 'allowed');
      same(choiceOf(await ask('none')), 'none', 'none');
      same(choiceOf(await ask('auto')), 'auto', 'auto');
    },
    async parallel_tool_calls() {
      same(callsOf(await create({ ...two, parallel_tool_calls: false })), [oslo]);
    },
  };
}
