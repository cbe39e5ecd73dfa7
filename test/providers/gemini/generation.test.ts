import { describe, expect, it } from 'vitest';
import { ask, providerOf, refusedParam, say, targetOf, translationOf, vertexOf } from './support.ts';

type Json = Record<string, unknown>;

const configOf = (more: object, model?: string) =>
  (JSON.parse(translationOf(say('Hi', more), targetOf(model)).request.body!.toString()) as Json).generationConfig as
    | Json
    | undefined;
const thinkingOf = (more: object, model: string) => configOf(more, model)?.thinkingConfig;
const dropping = providerOf({ unsupported_params: 'drop' });

describe('reasoning_effort', () => {
  const shown = { includeThoughts: true };
  it.each([
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
    ['gemini-2.5-flash', 'minimal', { thinkingBudget: 1024, ...shown }],
    ['gemini-2.5-flash', 'low', { thinkingBudget: 1024, ...shown }],
    ['gemini-2.5-flash', 'medium', { thinkingBudget: 8192, ...shown }],
    ['gemini-2.5-flash', 'high', { thinkingBudget: 24_576, ...shown }],
    ['gemini-2.5-flash-lite', 'none', { thinkingBudget: 0 }],
    ['gemini-2.5-pro', 'none', { thinkingBudget: 128 }],
    ['gemini-2.5-pro', 'max', { thinkingBudget: 24_576, ...shown }],
    ['gemini-3-flash-preview', 'none', { thinkingLevel: 'MINIMAL' }],
    ['gemini-3-flash-preview', 'medium', { thinkingLevel: 'MEDIUM', ...shown }],
    ['gemini-3-flash-preview', 'xhigh', { thinkingLevel: 'HIGH', ...shown }],
    ['gemini-3-pro-preview', 'none', { thinkingLevel: 'LOW' }],
    ['gemini-3-pro-preview', 'medium', { thinkingLevel: 'HIGH', ...shown }],
    ['gemini-3.1-pro-preview', 'medium', { thinkingLevel: 'MEDIUM', ...shown }],
    ['gemini-3.5-flash', 'minimal', { thinkingLevel: 'MINIMAL', ...shown }],
    ['gemini-3.6-flash', 'none', { thinkingLevel: 'MINIMAL' }],
    ['gemini-3.7-flash', 'none', { thinkingLevel: 'LOW' }],
    ['gemini-3.8-flash', 'minimal', { thinkingLevel: 'LOW', ...shown }],
    ['gemini-flash-latest', 'none', { thinkingLevel: 'LOW' }],
    ['gemini-4-argon', 'max', { thinkingLevel: 'HIGH', ...shown }],
    ['gemini-5-flash', 'none', { thinkingLevel: 'LOW' }],
  ])('%s, %s', (model, effort, config) => {
    expect(thinkingOf({ reasoning_effort: effort }, model)).toEqual(config);
    // Models that the fake does not know yet are asked all the same.
    if (model !== 'gemini-5-flash') ask(say('Hi', { reasoning_effort: effort }), targetOf(model));
  });

  it('has no effect on models that do not think', () => {
    expect(ask(say('Hi', { reasoning_effort: 'high' }), targetOf('gemini-2.0-flash')).ignored).toEqual(['reasoning_effort']);
    expect(ask(say('Hi', { reasoning_effort: 'none' }), targetOf('gemini-2.0-flash')).ignored).toEqual([]);
  });

  it('has to be one of the words', () => {
    expect(refusedParam(say('Hi', { reasoning_effort: 'heroic' }))).toBe('reasoning_effort');
  });

  it('leaves the model at its default when it is not given', () => {
    expect(configOf({})).toBeUndefined();
  });

  it('does not go with the provider’s own words for it', () => {
    const both = { reasoning_effort: 'low', google: { thinking_config: { thinking_level: 'HIGH' } } };
    expect(refusedParam(say('Hi', both))).toBe('reasoning_effort');
  });
});

describe('parameters that a model does not take', () => {
  it('drops sampling where it is ignored, and says so', () => {
    const { body, ignored } = ask(say('Hi', { temperature: 0.1, top_p: 0.5, top_k: 3 }), targetOf('gemini-3.8-flash'));
    expect(body.generationConfig).toBeUndefined();
    expect(ignored).toEqual(['temperature', 'top_p', 'top_k']);
    expect(ask(say('Hi', { temperature: 1 }), targetOf('gemini-3.8-flash')).ignored).toEqual([]);
  });

  it.each(['frequency_penalty', 'presence_penalty'])('refuses %s by name', (name) => {
    expect(refusedParam(say('Hi', { [name]: 0.5 }))).toBe(name);
    expect(ask(say('Hi', { [name]: 0.5 }), targetOf(undefined, dropping)).ignored).toEqual([name]);
  });

  it('has penalties of 2.5 Flash on Vertex AI only', () => {
    const penalty = say('Hi', { presence_penalty: 0.5 });
    expect(refusedParam(penalty, targetOf('gemini-2.5-flash'))).toBe('presence_penalty');
    expect(ask(penalty, targetOf('gemini-2.5-flash', vertexOf())).body.generationConfig).toEqual({ presencePenalty: 0.5 });
  });

  it('gives several answers where the model does', () => {
    expect(configOf({ n: 2 }, 'gemini-2.5-flash')).toEqual({ candidateCount: 2 });
    expect(refusedParam(say('Hi', { n: 2 }))).toBe('n');
    expect(refusedParam(say('Hi', { n: 9 }), targetOf('gemini-2.5-flash'))).toBe('n');
    expect(ask(say('Hi', { n: 2 }), targetOf(undefined, dropping)).ignored).toEqual(['n']);
  });

  it.each([
    ['logit_bias', { '1': 2 }],
    ['functions', [{ name: 'f' }]],
    ['function_call', { name: 'f' }],
    ['moderation', { model: 'm' }],
    ['service_tier', 'scale'],
  ])('refuses %s by name', (name, value) => {
    expect(refusedParam(say('Hi', { [name]: value }))).toBe(name);
  });

  it('takes at most five stop sequences', () => {
    expect(configOf({ stop: ['1', '2', '3', '4', '5', ''].slice(0, 5) })).toEqual({ stopSequences: ['1', '2', '3', '4', '5'] });
    expect(refusedParam(say('Hi', { stop: ['1', '2', '3', '4', '5', '6'] }))).toBe('stop');
  });

  it('fits a seed into 32 bits', () => {
    expect(configOf({ seed: 2 ** 40 + 5 })).toEqual({ seed: 5 });
    expect(configOf({ seed: -3 })).toEqual({ seed: -3 });
  });

  it('has the default tier of Vertex AI for default', () => {
    const target = targetOf(undefined, vertexOf());
    expect(ask(say('Hi', { service_tier: 'default' }), target).body.serviceTier).toBeUndefined();
    expect(refusedParam(say('Hi', { service_tier: 'flex' }), target)).toBe('service_tier');
    expect(ask(say('Hi', { service_tier: 'default' })).body.serviceTier).toBe('standard');
  });
});

describe('response_format', () => {
  const schema = { type: 'object', properties: { a: { type: ['string', 'null'] } }, additionalProperties: false };
  const format = (of: unknown) => ({ response_format: { type: 'json_schema', json_schema: { name: 'n', schema: of } } });

  it('is rewritten for models that want the older form', () => {
    expect(configOf(format(schema), 'gemini-2.0-flash')).toEqual({
      responseMimeType: 'application/json',
      responseSchema: { type: 'OBJECT', properties: { a: { type: 'STRING', nullable: true } } },
    });
    ask(say('Hi', format(schema)), targetOf('gemini-2.0-flash'));
  });

  it('is some JSON without a schema', () => {
    expect(configOf({ response_format: { type: 'json_schema', json_schema: { name: 'n' } } })).toEqual({
      responseMimeType: 'application/json',
    });
  });

  it('refuses a schema that is none', () => {
    expect(refusedParam(say('Hi', format('x')))).toBe('response_format.json_schema.schema');
  });

  it('goes with functions from generation 3 on', () => {
    const both = say('Hi', { ...format(schema), tools: [{ type: 'function', function: { name: 'f' } }] });
    expect(ask(both).body.generationConfig).toMatchObject({ responseMimeType: 'application/json' });
    expect(refusedParam(both, targetOf('gemini-2.5-flash'))).toBe('response_format');
  });

  it('is refused for models that only draw or speak', () => {
    expect(refusedParam(say('Hi', format(schema)), targetOf('gemini-2.5-flash-image'))).toBe('response_format');
  });
});

describe('modalities and audio', () => {
  const tts = targetOf('gemini-2.5-flash-preview-tts');
  const spoken = (audio: unknown, more: object = {}) => say('Hi', { modalities: ['text', 'audio'], audio, ...more });

  it('asks for speech in a voice', () => {
    expect(ask(spoken({ voice: 'Kore', format: 'wav' }), tts).body.generationConfig).toEqual({
      responseModalities: ['AUDIO'],
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
    });
    expect(ask(spoken({ voice: { id: 'Puck' }, format: 'pcm16' }), tts).body.generationConfig).toMatchObject({
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Puck' } } },
    });
  });

  it('asks for pictures', () => {
    const { body } = ask(say('Draw', { modalities: ['text', 'image'] }), targetOf('gemini-2.5-flash-image'));
    expect(body.generationConfig).toEqual({ responseModalities: ['TEXT', 'IMAGE'] });
  });

  it.each([
    ['a format that would have to be encoded', spoken({ voice: 'Kore', format: 'mp3' }), 'audio.format'],
    ['a file in a stream', spoken({ voice: 'Kore', format: 'wav' }, { stream: true }), 'audio.format'],
    ['a voice that is no name', spoken({ voice: 7, format: 'wav' }), 'audio.voice'],
    ['a modality that is not known', say('Hi', { modalities: ['smell'] }), 'modalities'],
    ['a picture of a model that speaks', say('Hi', { modalities: ['image'] }), 'modalities'],
    ['both words for it', spoken({ voice: 'Kore' }, { google: { response_modalities: ['AUDIO'] } }), 'modalities'],
  ])('refuses %s', (_name, body, param) => {
    expect(refusedParam(body, tts)).toBe(param);
  });

  it('has no use for a voice when nothing is spoken', () => {
    expect(ask(say('Hi', { audio: { voice: 'Kore', format: 'wav' } })).ignored).toEqual(['audio']);
  });
});
