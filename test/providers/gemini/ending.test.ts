import { describe, expect, it } from 'vitest';
import { answerOf, bytesOf, choiceOf, documentOf, failureOf, play, say, streamText, targetOf, translationOf } from './support.ts';

type Json = Record<string, unknown>;

const ended = (finishReason: unknown, parts: object[] = [{ text: 'Half' }], more: object = {}) =>
  documentOf(parts, {}, { finishReason, ...more });
const called = [{ functionCall: { name: 'f', args: {} } }];
const json = (document: unknown) => translationOf(say('Hi')).json(bytesOf(document));

describe('finishReason', () => {
  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['CONTINUATION', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['IMAGE_SAFETY', 'content_filter'],
    ['IMAGE_PROHIBITED_CONTENT', 'content_filter'],
    ['IMAGE_RECITATION', 'content_filter'],
    ['MODEL_ARMOR', 'content_filter'],
    ['LANGUAGE', 'content_filter'],
    ['MALFORMED_FUNCTION_CALL', 'stop'],
    ['OTHER', 'stop'],
    ['A_REASON_OF_TOMORROW', 'stop'],
    [1, 'stop'],
    [2, 'length'],
    [3, 'content_filter'],
    [99, 'stop'],
  ])('%s with something of an answer is %s', (reason, finish) => {
    expect(choiceOf(ended(reason)).finish_reason).toBe(finish);
  });

  it.each(['STOP', 'UNEXPECTED_TOOL_CALL', 'MALFORMED_FUNCTION_CALL'])('%s with a call is tool_calls', (reason) => {
    expect(choiceOf(ended(reason, called)).finish_reason).toBe('tool_calls');
  });

  it('STOP without anything is an empty answer', () => {
    expect(choiceOf(ended('STOP', []))).toMatchObject({ finish_reason: 'stop', message: { content: '' } });
  });

  it.each([
    'MALFORMED_FUNCTION_CALL',
    'MALFORMED_RESPONSE',
    'UNEXPECTED_TOOL_CALL',
    'TOO_MANY_TOOL_CALLS',
    'OTHER',
    'NO_IMAGE',
    'IMAGE_OTHER',
    'FINISH_REASON_UNSPECIFIED',
    'A_REASON_OF_TOMORROW',
    9,
  ])('%s without anything is the provider’s failure, not an empty answer', (reason) => {
    const failure = failureOf(() => json(ended(reason, [], { finishMessage: 'Malformed function call: call(x' })));
    expect(failure).toMatchObject({ reason: 'server', unsent: false });
    expect(failure.message).toContain('Malformed function call: call(x');
    const translator = translationOf(say('Hi', { stream: true })).stream();
    play(
      translator,
      Buffer.from(streamText([documentOf([{ text: 'Hm', thought: true }], {}, { finishReason: undefined }), ended(reason, [])])),
    );
    expect(translator.failure?.reason).toBe('server');
  });

  it('names why an answer was blocked before it began', () => {
    const { message, finish_reason } = choiceOf(ended('SAFETY', [], { finishMessage: 'No.' }));
    expect(finish_reason).toBe('content_filter');
    expect(message).toMatchObject({ content: null, refusal: 'The provider blocked the answer: SAFETY. No.' });
  });
});

describe('A14: a blocked prompt', () => {
  it.each(['SAFETY', 'OTHER', 'BLOCKLIST', 'JAILBREAK', 'IMAGE_SAFETY', 4])(
    'is filtered content, whatever the reason: %s',
    (blockReason) => {
      const { message, finish_reason } = choiceOf({ promptFeedback: { blockReason } });
      expect(finish_reason).toBe('content_filter');
      expect(message.refusal).toMatch(/^The provider blocked the prompt: /);
    },
  );

  it('ends a stream', () => {
    const translator = translationOf(say('Hi', { stream: true })).stream();
    play(translator, Buffer.from(streamText([{ promptFeedback: { blockReason: 'SAFETY' } }])));
    expect(translator).toMatchObject({ completed: true, failure: null });
  });
});

describe('A9: an error inside a 200', () => {
  const error = { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } };

  it.each([
    ['an object', error],
    ['an array of one', [error]],
    ['an array behind some of an answer', [documentOf([{ text: 'a' }], {}, { finishReason: undefined }), error]],
  ])('is that error, as %s', (_name, body) => {
    expect(failureOf(() => json(body))).toMatchObject({ reason: 'overloaded', status: 503, message: 'The model is overloaded.' });
  });

  it('S10: is that error in the middle of a stream', () => {
    for (const last of [error, [error]]) {
      const translator = translationOf(say('Hi', { stream: true })).stream();
      play(translator, Buffer.from(streamText([documentOf([{ text: 'a' }], {}, { finishReason: undefined }), last])));
      expect(translator.failure).toMatchObject({ reason: 'overloaded', status: 503 });
    }
  });
});

describe('A12: what is no answer', () => {
  it.each([
    ['nothing', {}],
    ['a list of nothing', []],
    ['a text', 'hello'],
    ['null', null],
    ['candidates that are none', { candidates: 'x' }],
    ['a candidate that is none', { candidates: [1] }],
    ['a part that is none', { candidates: [{ content: { parts: ['x'] } }] }],
    ['an index below 0', { candidates: [{ index: -1, content: { parts: [{ text: 'a' }] } }] }],
    ['S17: an index that is none', { candidates: [{ index: '__proto__', content: { parts: [{ text: 'a' }] } }] }],
    ['S17: an index beyond any request', { candidates: [{ index: 1e9, content: { parts: [{ text: 'a' }] } }] }],
    ['a call without a name', { candidates: [{ content: { parts: [{ functionCall: { args: {} } }] } }] }],
    ['feedback without a reason', { promptFeedback: {} }],
    [
      'pieces of arguments without a place',
      { candidates: [{ content: { parts: [{ functionCall: { name: 'f', partialArgs: [{}] } }] } }] },
    ],
  ])('is a failure: %s', (_name, body) => {
    expect(failureOf(() => json(body)).reason).toBe('protocol');
  });

  it('S9: is an event that is not JSON', () => {
    const translator = translationOf(say('Hi', { stream: true })).stream();
    play(translator, Buffer.from('data: {"candidates": [\r\n\r\n'));
    expect(translator.failure?.reason).toBe('protocol');
  });

  it('takes content, parts and usage that are missing or of the wrong type', () => {
    for (const content of [undefined, null, {}, { parts: null }, { parts: 'x' }, 'x']) {
      const answer = answerOf({ candidates: [{ content, finishReason: 'STOP' }], usageMetadata: 'x' });
      expect(answer).toMatchObject({ choices: [{ finish_reason: 'stop', message: { content: '' } }] });
      expect(answer.usage).toBeUndefined();
    }
  });

  it('A12: clamps counts that no count can be', () => {
    const usageMetadata = { promptTokenCount: -5, candidatesTokenCount: 'x', totalTokenCount: 9, cachedContentTokenCount: 1.5 };
    expect(answerOf(documentOf([{ text: 'a' }], { usageMetadata })).usage).toMatchObject({
      prompt_tokens: 0,
      completion_tokens: 9,
      prompt_tokens_details: { cached_tokens: 2 },
    });
  });

  it('an array that ends before the answer does', () => {
    const open = documentOf([{ text: 'a' }], {}, { finishReason: undefined });
    expect(failureOf(() => json([open])).reason).toBe('truncated');
    expect(choiceOf(open).finish_reason).toBe('stop');
  });
});

describe('the end of a stream', () => {
  const open = documentOf([{ text: 'a' }], {}, { finishReason: undefined });

  it('S6: is the close of the connection, not a mark', () => {
    const translator = translationOf(say('Hi', { stream: true })).stream();
    play(translator, Buffer.from(streamText([open, documentOf([])])));
    expect(translator).toMatchObject({ completed: true, failure: null });
  });

  it('S7: is not the mark of another dialect alone', () => {
    const done = 'data: [DONE]\r\n\r\n';
    const ends = (documents: unknown[]) => {
      const translator = translationOf(say('Hi', { stream: true })).stream();
      play(translator, Buffer.from(streamText(documents) + done));
      return translator.failure?.reason ?? null;
    };
    expect(ends([open])).toBe('truncated');
    expect(ends([documentOf([{ text: 'a' }])])).toBeNull();
  });

  it('counts usage that comes after it', () => {
    const translator = translationOf(say('Hi', { stream: true })).stream();
    const late = {
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4, totalTokenCount: 7, cachedContentTokenCount: 1 },
    };
    play(translator, Buffer.from(streamText([documentOf([{ text: 'a' }]), late])));
    expect(translator.usage).toEqual({ input: 3, cached: 1, output: 4 });
  });

  it('takes the last count, also where it is lower', () => {
    const translator = translationOf(say('Hi', { stream: true })).stream();
    const counted = (usageMetadata: object) => documentOf([{ text: 'a' }], { usageMetadata }, { finishReason: undefined });
    play(
      translator,
      Buffer.from(
        streamText([
          counted({ promptTokenCount: 15, thoughtsTokenCount: 100, totalTokenCount: 115 }),
          documentOf([], { usageMetadata: { promptTokenCount: 13, candidatesTokenCount: 5, totalTokenCount: 18 } }),
        ]),
      ),
    );
    expect(translator.usage).toEqual({ input: 13, output: 5, reasoning: 0 });
  });
});

describe('what only this API says', () => {
  it('S13: a JSON answer to a client who wants a stream, and the array form too', () => {
    const translation = translationOf(say('Hi', { stream: true }));
    const whole = translation.jsonAsStream(
      bytesOf([documentOf([{ text: 'a' }], {}, { finishReason: undefined }), documentOf([{ text: 'b' }])]),
    );
    expect(whole.bytes.toString()).toContain('"content":"ab"');
    expect(whole.tail.toString()).toBe('data: [DONE]\n\n');
  });

  it('gives no client a call it cannot answer: what the provider ran itself stays out', () => {
    const { message } = choiceOf(
      documentOf([
        { toolCall: { id: '1', toolType: 'GOOGLE_SEARCH_WEB' }, thoughtSignature: 'eA==' },
        { toolResponse: { id: '1', response: {} }, thoughtSignature: 'eA==' },
        { text: 'Found.' },
      ]),
    );
    expect(message).toEqual({ role: 'assistant', content: 'Found.', refusal: null });
  });

  it('makes a WAV file of samples', () => {
    const samples = Buffer.from([1, 0, 255, 127]);
    const blob = { inlineData: { mimeType: 'audio/L16;codec=pcm;rate=16000', data: samples.toString('base64') } };
    const request = say('Hi', { modalities: ['audio'], audio: { voice: 'Kore', format: 'wav' } });
    const { message } = choiceOf(documentOf([blob, blob]), request, targetOf('gemini-2.5-flash-preview-tts'));
    const file = Buffer.from((message.audio as Json).data as string, 'base64');
    expect(file.toString('latin1', 0, 4) + file.toString('latin1', 8, 16)).toBe('RIFFWAVEfmt ');
    expect([file.readUInt32LE(4), file.readUInt16LE(22), file.readUInt32LE(24), file.readUInt32LE(40)]).toEqual([
      44, 1, 16_000, 8,
    ]);
    expect(file.subarray(44)).toEqual(Buffer.concat([samples, samples]));
  });

  it('hands on sound that is a file already', () => {
    const { message } = choiceOf(documentOf([{ inlineData: { mimeType: 'audio/mpeg', data: 'SUQz' } }]));
    expect(message.audio).toMatchObject({ data: 'SUQz' });
  });
});
