import OpenAI from 'openai';

// What the checks of dialects.mjs share. argv: base URL, plan (JSON), gateway key.

const [baseURL, planText, apiKey] = process.argv.slice(2);
export const plan = JSON.parse(planText);

/** The last response, whichever call it was for. */
let response;
export const lastHeader = (name) => response.headers.get(name);

export const client = new OpenAI({
  baseURL,
  apiKey,
  maxRetries: 0,
  logLevel: 'off',
  async fetch(...request) {
    response = await fetch(...request);
    return response;
  },
});

export function check(condition, message) {
  if (!condition) throw new Error(typeof message === 'string' ? message : JSON.stringify(message));
}

/** Compared as JSON. */
export function same(actual, expected, what = 'value') {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}

/** The call is refused with this status; resolves with the error. */
export async function refused(call, status) {
  const error = await call.then(
    () => null,
    (thrown) => thrown,
  );
  check(error instanceof OpenAI.APIError, `not refused: ${error}`);
  check(error.status === status, `status ${error.status}: ${error.message}`);
  check(error.requestID && error.requestID === lastHeader('x-request-id'), 'no request id');
  return error;
}

/** A conversation of one user turn: words, or parts. */
export const say = (...content) => [{ role: 'user', content: content.length === 1 ? content[0] : content }];

/** The ways to ask one upstream. `model` stands until an option names another. */
export function askers(dialect) {
  const [chat, reasoning, embeddings] = ['chat', 'reasoning', 'embeddings'].map(
    (use) => `${dialect}/${plan.models[dialect][use]}`,
  );
  return {
    dialect,
    model: chat,
    reasoningModel: reasoning,
    create: (options) => client.chat.completions.create({ model: chat, ...options }),
    parse: (options) => client.chat.completions.parse({ model: chat, ...options }),
    stream: (options) => client.chat.completions.stream({ model: chat, ...options }),
    embed: (options) => client.embeddings.create({ model: embeddings, ...options }),
    chunks: async (options) => Array.fromAsync(await client.chat.completions.create({ model: chat, stream: true, ...options })),
  };
}
