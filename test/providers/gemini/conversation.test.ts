import { describe, expect, it } from 'vitest';
import type { Kept } from '../../../providers/provider.ts';
import { ask, refusedParam, targetOf, translationOf } from './support.ts';

type Json = Record<string, unknown>;
interface Content {
  role: string;
  parts: Json[];
}

const user = { role: 'user', content: 'Hello' };
const call = (id: string, name = 'f', args = '{}', more: object = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
  ...more,
});
const calls = (...list: object[]) => ({ role: 'assistant', content: null, tool_calls: list });
const result = (id: string, content: unknown = 'done') => ({ role: 'tool', tool_call_id: id, content });
const contentsOf = (messages: object[], model = 'gemini-2.5-flash') =>
  ask({ messages }, targetOf(model)).body.contents as Content[];
const shape = (contents: Content[]) =>
  contents.map(({ role, parts }) => `${role}:${parts.map((part) => Object.keys(part)[0]).join(',')}`);
const responseOf = (content: unknown, model?: string) =>
  (contentsOf([user, calls(call('a')), result('a', content)], model)[2]!.parts[0]!.functionResponse as Json).response;

describe('calls and their results', () => {
  it('keeps what the user said between them until behind the results', () => {
    const said = { role: 'user', content: 'Hurry' };
    expect(shape(contentsOf([user, calls(call('a'), call('b')), said, result('a'), said, result('b'), said]))).toEqual([
      'user:text',
      'model:functionCall,functionCall',
      'user:functionResponse,functionResponse',
      'user:text,text,text',
    ]);
  });

  it('reads two assistant messages with calls as one turn', () => {
    expect(shape(contentsOf([user, calls(call('a')), calls(call('b')), result('a'), result('b')]))).toEqual([
      'user:text',
      'model:functionCall,functionCall',
      'user:functionResponse,functionResponse',
    ]);
  });

  it('keeps rounds apart', () => {
    expect(shape(contentsOf([user, calls(call('a')), result('a'), calls(call('b')), result('b'), user]))).toEqual([
      'user:text',
      'model:functionCall',
      'user:functionResponse',
      'model:functionCall',
      'user:functionResponse',
      'user:text',
    ]);
  });

  it('answers calls of one id in their order', () => {
    const contents = contentsOf([user, calls(call('a', 'f'), call('a', 'g')), result('a', 'one'), result('a', 'two')]);
    expect(contents[2]!.parts.map((part) => (part.functionResponse as Json).name)).toEqual(['f', 'g']);
    expect(contents[2]!.parts.map((part) => (part.functionResponse as Json).response)).toEqual([
      { output: 'one' },
      { output: 'two' },
    ]);
  });

  it('finds the call of a result without an id by its name', () => {
    const contents = contentsOf([user, calls(call('a', 'f')), { role: 'tool', name: 'f', content: 'done' }]);
    expect(contents[2]!.parts).toEqual([{ functionResponse: { name: 'f', response: { output: 'done' } } }]);
  });

  it.each([
    ['a result without a call', [user, result('a')], 'messages[1].tool_call_id'],
    ['a result of another id', [user, calls(call('a')), result('b')], 'messages[2].tool_call_id'],
    ['a second result of one call', [user, calls(call('a')), result('a'), result('a')], 'messages[3].tool_call_id'],
    ['a call without its result', [user, calls(call('a'), call('b')), result('a')], 'messages[1].tool_calls'],
    [
      'a call that the user talked over',
      [user, calls(call('a')), user, { role: 'assistant', content: 'x' }],
      'messages[1].tool_calls',
    ],
    [
      'a result that comes when the conversation has gone on',
      [user, calls(call('a')), user, { role: 'assistant', content: 'x' }, result('a'), user],
      'messages[1].tool_calls',
    ],
  ])('refuses %s by name', (_what, messages, param) => {
    expect(refusedParam({ messages }, targetOf('gemini-2.5-flash'))).toBe(param);
  });

  it.each([
    ['text', 'fine', { output: 'fine' }],
    ['an object', '{"a": {"b": [1, null]}}', { a: { b: [1, null] } }],
    ['an array', '[1]', { output: '[1]' }],
    ['broken JSON', '{"a": ', { output: '{"a": ' }],
    [
      'several texts',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      { output: 'a\nb' },
    ],
    ['nothing', '', { output: '' }],
    [
      'a JSON Schema, whose references mean something else here',
      '{"a": [{"$ref": "#/x"}]}',
      { output: '{"a": [{"$ref": "#/x"}]}' },
    ],
  ])('wraps %s as the API wants it', (_what, content, response) => {
    expect(responseOf(content)).toEqual(response);
  });

  it('sends a result that is nested too deep as text', () => {
    const deep = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`;
    expect(responseOf(deep)).toEqual({ output: deep });
  });

  it('keeps every digit of numbers in results and arguments', () => {
    const { translation } = ask(
      {
        messages: [
          user,
          calls(call('a', 'f', '{"id": 12345678901234567890}')),
          result('a', '{"id": 98765432109876543210, "pi": 3.10}'),
        ],
      },
      targetOf('gemini-2.5-flash'),
    );
    const text = translation.request.body!.toString();
    expect(text).toContain('"args":{"id":12345678901234567890}');
    expect(text).toContain('"response":{"id":98765432109876543210,"pi":3.10}');
  });

  it('hands over arguments that are no object under a name', () => {
    const [, turn] = contentsOf([user, calls(call('a', 'f', '{"x": '), call('b', 'f', ' ')), result('a'), result('b')]);
    expect(turn!.parts.map((part) => (part.functionCall as Json).args)).toEqual([{ arguments: '{"x": ' }, {}]);
  });

  it('I6: hands a __proto__ in arguments over as the member it is', () => {
    const { translation } = ask(
      { messages: [user, calls(call('a', 'f', '{"__proto__": {"x": 1}}')), result('a')] },
      targetOf('gemini-2.5-flash'),
    );
    expect(translation.request.body!.toString()).toContain('"args":{"__proto__":{"x":1}}');
  });
});

describe('media in results', () => {
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
  const sound = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } };
  const messages = [user, calls(call('a', 'look')), result('a', [{ type: 'text', text: 'see' }, image, sound])];

  it('goes inside the response where the model takes it, else beside it', () => {
    expect(contentsOf(messages, 'gemini-3-flash-preview').slice(2)).toEqual([
      {
        role: 'user',
        parts: [
          {
            functionResponse: {
              id: 'a',
              name: 'look',
              response: { output: 'see' },
              parts: [{ inlineData: { mimeType: 'image/png', data: 'AAAA' } }],
            },
          },
        ],
      },
      { role: 'user', parts: [{ text: 'Result of look:' }, { inlineData: { mimeType: 'audio/mp3', data: 'AAAA' } }] },
    ]);
  });

  it('goes beside the response for older models', () => {
    expect(contentsOf([user, calls(call('a', 'look')), result('a', [image])], 'gemini-2.5-flash').slice(2)).toEqual([
      {
        role: 'user',
        parts: [{ functionResponse: { id: 'a', name: 'look', response: { output: 'The result of look follows.' } } }],
      },
      { role: 'user', parts: [{ text: 'Result of look:' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }] },
    ]);
  });
});

describe('thought signatures', () => {
  const sentinel = 'skip_thought_signature_validator';
  const signed = (signature: string) => ({ extra_content: { google: { thought_signature: signature } } });
  const signatures = (messages: object[], model = 'gemini-3-flash-preview', kept: ReadonlyMap<string, Kept> = new Map()) =>
    (ask({ messages }, targetOf(model), { kept }).body.contents as Content[]).flatMap(({ parts }) =>
      parts.filter((part) => part.functionCall !== undefined).map((part) => part.thoughtSignature ?? null),
    );

  it('go back on exactly the call they came with', () => {
    const turn = calls(call('a', 'f', '{}', signed('c2lnLWE=')), call('b'));
    expect(signatures([user, turn, result('a'), result('b')])).toEqual(['c2lnLWE=', null]);
  });

  it('are stood in for on the first call of each step of the current turn only', () => {
    const round = [calls(call('a'), call('b')), result('a'), result('b')];
    expect(signatures([user, ...round, user, ...round, ...round])).toEqual([null, null, sentinel, null, sentinel, null]);
  });

  it('are stood in for once where two messages make one step', () => {
    expect(signatures([user, calls(call('a')), calls(call('b')), result('a'), result('b')])).toEqual([sentinel, null]);
  });

  it.each(['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-2.0-flash'])('are never stood in for with %s', (model) => {
    expect(signatures([user, calls(call('a')), result('a')], model)).toEqual([null]);
  });

  it.each(['gemini-flash-latest', 'gemini-3.1-pro-preview', 'gemini-3.8-flash', 'gemini-4-argon', 'models/gemini-9-pro'])(
    'are stood in for with %s',
    (model) => {
      const translation = translationOf({ messages: [user, calls(call('a')), result('a')] }, targetOf(model));
      const { contents } = JSON.parse(translation.request.body!.toString()) as { contents: Content[] };
      expect(contents[1]!.parts[0]!.thoughtSignature).toBe(sentinel);
    },
  );

  it('come back from what the gateway kept, and only from this target', () => {
    const kept = (issuer: string) => new Map([['a', { id: 'a', dialect: 'gemini', issuer, signature: 'a2VwdA==' }]]);
    const messages = [user, calls(call('a')), result('a')];
    expect(signatures(messages, undefined, kept('google/gemini-3-flash-preview'))).toEqual(['a2VwdA==']);
    expect(signatures(messages, undefined, kept('google/gemini-3-pro-preview'))).toEqual([sentinel]);
  });

  it('of a text go back on the last text of that turn', () => {
    const answer = { role: 'assistant', content: 'Sure', ...signed('dGV4dA==') };
    expect(contentsOf([user, answer, user], 'gemini-3-flash-preview')[1]).toEqual({
      role: 'model',
      parts: [{ text: 'Sure', thoughtSignature: 'dGV4dA==' }],
    });
  });

  it('are stood in for on pictures of a model that draws', () => {
    const drawn = {
      role: 'assistant',
      content: 'Here',
      images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
    };
    const part = { inlineData: { mimeType: 'image/png', data: 'AAAA' } };
    const partsOf = (model: string) => contentsOf([user, drawn, user], model)[1]!.parts[1];
    expect(partsOf('gemini-3-pro-image-preview')).toEqual({ ...part, thoughtSignature: sentinel });
    expect(partsOf('gemini-3-flash-preview')).toEqual(part);
    expect(partsOf('gemini-2.5-flash-image')).toEqual(part);
  });

  it('leave thoughts without one out of the history', () => {
    const answer = { role: 'assistant', content: 'Sure', reasoning_content: 'Hm.' };
    expect(contentsOf([user, answer, user])[1]).toEqual({ role: 'model', parts: [{ text: 'Sure' }] });
  });
});

describe('roles and models', () => {
  it('tells a model without system instructions with the user’s first words', () => {
    const { body } = ask({ messages: [{ role: 'system', content: 'Be brief' }, user] }, targetOf('gemini-3-flash-preview'));
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'Be brief' }] });
    const messages = [{ role: 'system', content: 'Be brief' }, user];
    const gemma = JSON.parse(translationOf({ messages }, targetOf('gemma-3-27b-it')).request.body!.toString()) as Json;
    expect(gemma.systemInstruction).toBeUndefined();
    expect(gemma.contents).toEqual([{ role: 'user', parts: [{ text: 'Be brief' }, { text: 'Hello' }] }]);
  });

  it('refuses to continue an assistant message where the model would, and does not where it can', () => {
    const messages = [user, { role: 'assistant', content: 'I am' }];
    expect(refusedParam({ messages }, targetOf('gemini-3.8-flash'))).toBe('messages[1]');
    expect(shape(contentsOf(messages, 'gemini-2.5-flash'))).toEqual(['user:text', 'model:text']);
  });

  it('names the author of a message among what has no effect', () => {
    expect(ask({ messages: [{ ...user, name: 'Ann' }] }).ignored).toEqual(['messages[0].name']);
  });

  it('refuses messages without any content', () => {
    expect(refusedParam({ messages: [{ role: 'user', content: '' }] })).toBe('messages');
    expect(refusedParam({ messages: [] })).toBe('messages');
  });

  it.each([
    [
      'an image in a system message',
      { role: 'system', content: [{ type: 'image_url', image_url: { url: 'https://x/y.png' } }] },
      'messages[0].content[0]',
    ],
    [
      'a part that nobody knows',
      { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'hologram' }] },
      'messages[0].content[1]',
    ],
    ['an earlier spoken answer', { role: 'assistant', audio: { id: 'audio_1' } }, 'messages[0].audio'],
  ])('refuses %s by name', (_what, message, param) => {
    expect(refusedParam({ messages: [message, user] })).toBe(param);
  });

  it('hands a refusal in the history over as what was said', () => {
    const refused = { role: 'assistant', content: null, refusal: 'No.' };
    expect(contentsOf([user, refused, user])[1]).toEqual({ role: 'model', parts: [{ text: 'No.' }] });
  });
});
