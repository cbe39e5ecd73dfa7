import OpenAI from 'openai';
import { check, client, lastHeader, plan, refused, same, say } from './harness.mjs';

/** Models, errors of either side, ends before the end. */
export function failureChecks({ dialect, model, create }) {
  const happened = async (event) => {
    const { choices } = await create({ messages: say(`what? ${event}`) });
    same(choices[0].message.content, event, 'at the upstream');
  };
  return {
    responses: () => client.responses.create({ model, input: 'hello' }),
    async models() {
      const ids = (await Array.fromAsync(client.models.list())).map((each) => each.id);
      check(ids.includes(model), ids.join(' '));
      const one = await client.models.retrieve(model);
      same([one.id, one.object, Number.isInteger(one.created)], [model, 'model', true]);
    },
    async wrong_key() {
      const other = client.withOptions({ apiKey: 'sk-postern-wrong' });
      const error = await refused(other.chat.completions.create({ model, messages: say('hello') }), 401);
      check(error instanceof OpenAI.AuthenticationError && error.code === 'invalid_api_key', error.code);
    },
    async unknown_model() {
      const error = await refused(create({ model: 'nobody', messages: say('hello') }), 404);
      check(error instanceof OpenAI.NotFoundError && error.code === 'model_not_found' && error.param === 'model', error.code);
    },
    async unknown_upstream_model() {
      const error = await refused(create({ model: `${dialect}/gone-js`, messages: say('fail 404') }), 404);
      same(error.code, 'model_not_found', 'code');
    },
    async upstream_bad_request() {
      const error = await refused(create({ messages: say('fail 400') }), 400);
      check(error instanceof OpenAI.BadRequestError && error.type === 'invalid_request_error', error.type);
      check(error.message.includes('Answer 400, as asked for.'), error.message);
    },
    async upstream_bad_key() {
      const error = await refused(create({ messages: say('fail 401') }), 502);
      check(error instanceof OpenAI.InternalServerError && error.code === 'upstream_error', error.code);
    },
    async upstream_rate_limit() {
      const limited = `${dialect}/${plan.models[dialect].limited}-js`;
      const error = await refused(create({ model: limited, messages: say('fail 429') }), 429);
      check(error instanceof OpenAI.RateLimitError && error.code === 'rate_limit_exceeded', error.code);
      // What the upstream asked for, and by chance up to half as much again.
      const wait = Number(lastHeader('retry-after'));
      same([wait >= 7 && wait <= 11, lastHeader('x-should-retry')], [true, 'true'], 'headers');
    },
    async upstream_overloaded() {
      const error = await refused(create({ messages: say('fail 503') }), 503);
      same(error.type, 'server_error', 'type');
    },
    async cut_stream() {
      let seen = '';
      const read = async () => {
        for await (const { choices } of await create({ messages: say('cut off'), stream: true })) {
          seen += choices[0].delta.content ?? '';
        }
      };
      const error = await read().catch((thrown) => thrown);
      check(seen.startsWith('This is'), `seen ${JSON.stringify(seen)}`);
      check(error instanceof OpenAI.APIError && error.code === 'stream_interrupted', `ended with ${error}`);
    },
    async abort_stream() {
      const name = `js-stream-${dialect}`;
      for await (const { choices } of await create({ messages: say(`slow ${name}`), stream: true })) {
        if (choices[0].delta.content) break;
      }
      await happened(`gone ${name}`);
    },
    async abort() {
      const name = `js-json-${dialect}`;
      const leaving = new AbortController();
      const call = client.chat.completions.create({ model, messages: say(`wait ${name}`) }, { signal: leaving.signal });
      const ended = call.catch((thrown) => thrown);
      await happened(`here ${name}`);
      leaving.abort();
      const error = await ended;
      check(error instanceof OpenAI.APIUserAbortError, `ended with ${error}`);
      await happened(`gone ${name}`);
    },
  };
}
