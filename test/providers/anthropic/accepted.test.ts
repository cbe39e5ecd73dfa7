import { describe, expect, it } from 'vitest';
import { type Kept, TranslationError } from '../../../providers/provider.ts';
import { validateAnthropic } from '../../helper/fakes/index.ts';
import { conversationCases } from './fixtures/conversations.ts';
import { call, fieldCases, weather } from './fixtures/requests.ts';
import { type Ask, type Sent, sent } from './support.ts';

type Json = Record<string, unknown>;

const models = [
  'claude-fable-5-1',
  'claude-mythos-5',
  'claude-mythos-preview',
  'claude-opus-5-5',
  'claude-sonnet-5-5',
  'claude-haiku-5-5',
  'claude-opus-5',
  'claude-sonnet-5',
  'claude-opus-4-8',
  'claude-opus-4-7',
  'claude-opus-4-6',
  'claude-sonnet-4-6',
  'claude-opus-4-5-20251101',
  'claude-sonnet-4-5-20250929',
  'claude-haiku-4-5-20251001',
  'claude-opus-4-1-20250805',
  'claude-sonnet-4-20250514',
  'claude-3-7-sonnet-20250219',
  'claude-3-5-haiku-20241022',
  'claude-3-haiku-20240307',
];

/** What the API would say to it; null where it takes it. */
function verdict({ body, headers, path }: Sent): string | null {
  const options = { beta: headers['anthropic-beta'] !== undefined, trustSignatures: true };
  return validateAnthropic(path, body, options)?.body.error.message ?? null;
}

/** The name of what the gateway refuses by itself, or what the API says; null for a request that is taken. */
function outcome(body: Json, ask: Ask): string | null {
  try {
    return verdict(sent(body, ask));
  } catch (error) {
    if (error instanceof TranslationError && error.failure.reason === 'invalid_request') return `own: ${error.failure.param}`;
    throw error;
  }
}

const user = (content: unknown) => ({ role: 'user', content });
const looped = (ids: readonly string[]) => [
  user('hi'),
  ...ids.flatMap((id) => [
    { role: 'assistant', content: 'Wait.', tool_calls: [call(id)] },
    { role: 'tool', tool_call_id: id, content: 'cold' },
  ]),
];
/** What an answer of the model itself left for its calls. */
const keptFor = (model: string, ids: readonly string[]): ReadonlyMap<string, Kept> =>
  new Map(
    ids.map((id) => {
      const reasoning = [{ type: 'reasoning', text: 'Hm.', signature: 'c2ln', dialect: 'anthropic' } as const];
      return [id, { id, dialect: 'anthropic', issuer: `claude/${model}`, reasoning }];
    }),
  );

const object = {
  type: 'object',
  properties: { n: { type: 'integer', minimum: 1 }, list: { type: 'array', items: { type: 'string' }, maxItems: 3 } },
};
const open = { type: 'object', additionalProperties: { type: 'string' } };
const format = (schema: unknown) => ({ type: 'json_schema', json_schema: { name: 'n', schema, strict: true } });
interface Said {
  readonly role: string;
  readonly content: unknown;
  readonly tool_calls?: readonly { readonly id: string }[];
}
const messages: Readonly<Record<string, readonly Said[]>> = {
  plain: [user('hi')],
  system: [{ role: 'system', content: 'a' }, user('hi'), { role: 'developer', content: 'b' }, user('ho')],
  'a late system': [user('hi'), { role: 'assistant', content: 'x' }, user('ho'), { role: 'system', content: 'b' }],
  'a loop': looped(['a.1']),
  'a long loop': looped(['a', 'b', 'c']),
  'a loop that goes on': [...looped(['a']), user('And now?')],
  'a beginning': [user('hi'), { role: 'assistant', content: 'The ' }],
};
const efforts = [undefined, 'none', 'minimal', 'medium', 'xhigh', 'max'];
const choices: readonly Json[] = [
  {},
  { tools: [weather] },
  { tools: [weather], tool_choice: 'required' },
  { tools: [weather], tool_choice: 'none', parallel_tool_calls: false },
  { tools: [weather], tool_choice: { type: 'function', function: { name: 'weather' } }, parallel_tool_calls: false },
  { tools: [{ type: 'function', function: { ...weather.function, parameters: object, strict: true } }] },
  { tools: [{ type: 'function', function: { name: 'any', parameters: { anyOf: [object, open] } } }], parallel_tool_calls: false },
  { response_format: { type: 'json_object' } },
  { response_format: format(object) },
  { response_format: format(open), tools: [weather] },
];
const samplings: readonly Json[] = [
  {},
  { temperature: 0.2, top_p: 0.4, max_completion_tokens: 1500, stop: ['\n', 'END'] },
  { max_tokens: 100_000, anthropic: { top_k: 5 } },
];

describe.each(models)('%s', (model) => {
  it('takes every request of the tables, or the gateway says why not', () => {
    const said = [...fieldCases, ...conversationCases].map(([name, body, , , ask]) => {
      const kept = ask?.call?.kept;
      return [name, outcome(body, { ...ask, model, ...(kept === undefined ? {} : { call: { kept } }) })] as const;
    });
    expect(said.filter(([, what]) => what !== null && !what.startsWith('own: '))).toEqual([]);
    expect(said.filter(([, what]) => what === null).length).toBeGreaterThan(20);
  });

  it('takes every mixture of conversation, effort, tools, format and sampling, or the gateway says why not', () => {
    const refused = new Map<string, string>();
    const own = new Set<string>();
    let taken = 0;
    for (const [name, list] of Object.entries(messages)) {
      const ids = list.flatMap(({ tool_calls: calls = [] }) => calls.map(({ id }) => id));
      const memories = ids.length === 0 ? [[]] : [ids, ids.slice(0, 1), ids.slice(1), []];
      for (const [kept, effort, choice, sampling] of mixtures(memories)) {
        const body = { messages: list, reasoning_effort: effort ?? null, ...choice, ...sampling };
        const what = outcome(body, { model, call: { kept: keptFor(model, kept) } });
        if (what === null) taken++;
        else if (what.startsWith('own: ')) own.add(what.slice(5));
        else refused.set(what, `${name}, kept ${kept.join()}: ${JSON.stringify({ ...body, messages: 0 })}`);
      }
    }
    expect(Object.fromEntries(refused)).toEqual({});
    expect(taken).toBeGreaterThan(400);
    for (const param of own) expect(['messages[1]', 'tool_choice', 'response_format']).toContain(param);
  });
});

/** Every memory with every effort and choice; the samplings go round. */
function* mixtures(memories: readonly (readonly string[])[]): Generator<[readonly string[], string | undefined, Json, Json]> {
  let count = 0;
  for (const kept of memories) {
    for (const effort of efforts)
      for (const choice of choices) yield [kept, effort, choice, samplings[count++ % samplings.length]!];
  }
}
