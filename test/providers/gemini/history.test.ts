import { describe, expect, it } from 'vitest';
import { factsOf } from '../../../providers/gemini/models.ts';
import { readOptions } from '../../../providers/gemini/options.ts';
import { encodeModelTurn } from '../../../providers/gemini/request/model-turn.ts';
import { encodeTools } from '../../../providers/gemini/request/tools.ts';
import type { Message, Part } from '../../../providers/unified.ts';
import { ask, choiceOf, documentOf, failureOf, providerOf, refusedParam, targetOf } from './support.ts';

// What only comes from other fronts than the one there is, and what a client can send of an earlier answer.

const scene = { provider: providerOf(), facts: factsOf('gemini-3-flash-preview'), notes: { dropped() {}, unsupported() {} } };
const turnOf = (...parts: Part[]) => encodeModelTurn({ role: 'assistant', parts } as Message, 4, scene);
const user = { role: 'user', content: 'Hi' };

describe('an earlier answer', () => {
  it('hands parts of this dialect back as they are', () => {
    const value = { executableCode: { language: 'PYTHON', code: 'print(1)' }, thoughtSignature: 'eA==' };
    expect(turnOf({ type: 'foreign', dialect: 'gemini', value })).toEqual([value]);
    const refused = () => turnOf({ type: 'text', text: 'a' }, { type: 'foreign', dialect: 'other', value });
    expect(failureOf(refused)).toMatchObject({ reason: 'invalid_request', param: 'messages[4].content[1]' });
  });

  it('hands signed thoughts back, and nobody else’s', () => {
    expect(turnOf({ type: 'reasoning', text: 'Hm', signature: 'eA==', dialect: 'gemini' }, { type: 'text', text: 'a' })).toEqual([
      { text: 'Hm', thought: true, thoughtSignature: 'eA==' },
      { text: 'a' },
    ]);
    expect(
      turnOf({ type: 'reasoning', text: 'Hm', signature: 'eA==', dialect: 'other' }, { type: 'reasoning', text: 'So' }),
    ).toEqual([]);
    const call: Part = {
      type: 'tool_call',
      kind: 'function',
      id: '',
      name: 'f',
      arguments: '{}',
      signature: 'eA==',
      dialect: 'other',
    };
    expect(turnOf(call)).toEqual([{ functionCall: { name: 'f', args: {} } }]);
  });

  it('leaves sources out, and hands sound and custom calls over', () => {
    expect(
      turnOf(
        { type: 'citation', url: 'https://a.test' },
        { type: 'audio', source: { kind: 'data', mediaType: 'audio/wav', data: 'AAAA' } },
        { type: 'tool_call', kind: 'custom', id: 'c', name: 'sql', arguments: 'SELECT 1' },
      ),
    ).toEqual([
      { inlineData: { mimeType: 'audio/wav', data: 'AAAA' } },
      { functionCall: { id: 'c', name: 'sql', args: { input: 'SELECT 1' } } },
    ]);
  });

  it('refuses a part that no client can have been given', () => {
    const messages = [user, { role: 'assistant', content: [{ type: 'hologram' }] }, user];
    expect(refusedParam({ messages })).toBe('messages[1].content[0]');
  });

  it('takes a picture of its own back', () => {
    const drawn = choiceOf(documentOf([{ text: 'Here' }, { inlineData: { mimeType: 'image/png', data: 'iVBORw==' } }])).message;
    const { body } = ask({ messages: [user, drawn, user] });
    expect((body.contents as object[])[1]).toEqual({
      role: 'model',
      parts: [{ text: 'Here' }, { inlineData: { mimeType: 'image/png', data: 'iVBORw==' } }],
    });
  });

  it('takes the signature of its text back from a client that kept it', () => {
    const { message } = choiceOf(documentOf([{ text: 'Sure.' }, { text: '', thoughtSignature: 'dGV4dA==' }]));
    const { body } = ask({ messages: [user, message, user] });
    expect((body.contents as object[])[1]).toEqual({ role: 'model', parts: [{ text: 'Sure.', thoughtSignature: 'dGV4dA==' }] });
  });
});

describe('tools of this dialect', () => {
  it('are declared as they are', () => {
    const request = { model: 'm', messages: [], sampling: {}, stream: false, streamUsage: false };
    const tools = [{ kind: 'foreign' as const, dialect: 'gemini', value: { urlContext: {} } }];
    expect(encodeTools({ ...request, tools }, readOptions(request), scene).tools).toEqual([{ urlContext: {} }]);
  });
});

describe('parts with nothing but a signature', () => {
  it('keep it for the text', () => {
    const { message } = choiceOf(documentOf([{ text: 'a' }, { thoughtSignature: 'eA==' }]));
    expect(message.extra_content).toEqual({ google: { thought_signature: 'eA==' } });
  });

  it('of thoughts are nobody’s text', () => {
    const { message } = choiceOf(
      documentOf([
        { text: 'Hm', thought: true, thoughtSignature: 'eA==' },
        { inlineData: { mimeType: 'image/png', data: 'AA==' }, thought: true },
        { text: 'a' },
      ]),
      undefined,
      targetOf(),
    );
    expect(message).toEqual({ role: 'assistant', content: 'a', refusal: null, reasoning_content: 'Hm' });
  });
});
