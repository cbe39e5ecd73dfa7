import { describe, expect, it } from 'vitest';
import { conversationCases } from './fixtures/conversations.ts';
import { base, call, fieldCases, hi, weather } from './fixtures/requests.ts';
import { type Ask, headers, refusal, sent, translation } from './support.ts';

type Json = Record<string, unknown>;

describe('a request', () => {
  for (const [name, body, upstream, ignored = [], ask] of [...fieldCases, ...conversationCases]) {
    it(`${name}: exactly what the API takes`, () => {
      const result = sent(body, ask);
      expect(result.body).toEqual(upstream);
      expect(result.ignored).toEqual(ignored);
    });
  }

  it('goes to the messages path with the provider’s headers', () => {
    const { path, headers: written } = sent({ stream: true });
    expect(path).toBe('/v1/messages');
    expect(written).toEqual({
      ...headers,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'accept-encoding': 'identity',
    });
    expect(sent({}).headers).toEqual({ ...headers, 'content-type': 'application/json', accept: 'application/json' });
  });

  it('leaves the caller’s body as it was', () => {
    const body = {
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'x ' },
      ],
      tools: [weather],
    };
    const before = structuredClone(body);
    sent(body);
    expect(body).toEqual(before);
  });

  it('keeps every digit of the arguments of earlier calls', () => {
    const inputOf = (text: string) => {
      const messages = [
        { role: 'user', content: 'hi' },
        { role: 'assistant', tool_calls: [call('a', 'weather', text)] },
        { role: 'tool', tool_call_id: 'a', content: 'x' },
      ];
      const { request } = translation({ tools: [weather], messages });
      return /"input":(.*?)\}\]/.exec(request.body!.toString())![1];
    };
    const exact = '{"id":12345678901234567890,"at":[-9007199254740993],"x":1.5,"t":"1234567890123456"}';
    expect(inputOf(exact)).toBe(exact);
    expect(inputOf('12345678901234567890')).toBe('{"arguments":12345678901234567890}');
  });

  const refused: readonly (readonly [name: string, body: Json, param: string, ask?: Ask])[] = [
    ['two answers', { n: 2 }, 'n'],
    ['log probabilities', { logprobs: true }, 'logprobs'],
    ['a penalty', { frequency_penalty: 0.5 }, 'frequency_penalty'],
    ['token biases', { logit_bias: { '1': 5 } }, 'logit_bias'],
    ['a spoken answer', { modalities: ['text', 'audio'] }, 'modalities'],
    ['web search', { web_search_options: { search_context_size: 'low' } }, 'web_search_options'],
    ['deprecated functions', { functions: [{ name: 'f' }] }, 'functions'],
    ['a temperature above 1', { temperature: 1.5 }, 'temperature'],
    ['an unknown effort', { reasoning_effort: 'gigantic' }, 'reasoning_effort'],
    ['a custom tool', { tools: [{ type: 'custom', custom: { name: 'c' } }] }, 'tools[0]'],
    ['another kind of tool', { tools: [weather, { type: 'web_search' }] }, 'tools[1]'],
    ['no content at all', { messages: [{ role: 'user', content: ' ' }] }, 'messages'],
    [
      'an unanswered call',
      {
        tools: [weather],
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', tool_calls: [call('a')] },
        ],
      },
      'messages[1]',
    ],
    [
      'a beginning, where the model does not continue one',
      {
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: 'The' },
        ],
      },
      'messages[1]',
      { model: 'claude-opus-4-6' },
    ],
    [
      'a picture from the assistant',
      {
        messages: [
          { role: 'assistant', content: null, images: [{ type: 'image_url', image_url: { url: 'https://x.test/a.png' } }] },
          { role: 'user', content: 'hi' },
        ],
      },
      'messages[0]',
    ],
    [
      'a picture in a system message',
      { messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: 'https://x.test/a.png' } }] }] },
      'messages[0].content[0]',
    ],
  ];
  for (const [name, body, param, ask] of refused) {
    it(`is refused for ${name}, by its name and with a way out`, () => {
      const failure = refusal(body, ask);
      expect(failure).toMatchObject({ reason: 'invalid_request', param });
      expect(failure.message.length).toBeGreaterThan(20);
    });
  }

  it('leaves out what may be left out where the operator says so', () => {
    const config = { unsupported_params: 'drop' };
    const { body, ignored } = sent({ n: 2, temperature: 1.7, seed: 1 }, { config });
    expect(body).toEqual({ ...base, messages: hi });
    expect(ignored).toEqual(['n', 'seed', 'temperature']);
    expect(refusal({ temperature: 1.7 }, { config, call: { requireParameters: true } }).param).toBe('temperature');
  });

  it('is refused for a harmless field too where every parameter has to have an effect', () => {
    expect(refusal({ seed: 1 }, { call: { requireParameters: true } }).param).toBe('seed');
    expect(refusal({ temperature: 0.1, top_p: 0.3 }, { call: { requireParameters: true } }).param).toBe('top_p');
  });
});
