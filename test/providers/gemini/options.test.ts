import { describe, expect, it } from 'vitest';
import { ask, refusedParam, say, targetOf, vertexOf } from './support.ts';

describe('google', () => {
  it.each([
    ['an option that is not known', { google: { temprature: 1 } }, 'google.temprature'],
    ['a member of the request that has its own field', { google: { generation_config: {} } }, 'google.generation_config'],
    ['a reserved name', JSON.parse('{"google": {"__proto__": 1}}') as object, 'google.__proto__'],
    ['the same in extra_body', { extra_body: { google: { foo: 1 } } }, 'extra_body.google.foo'],
    ['options that are no object', { google: 'x' }, 'google'],
    ['an extra_body that is none', { extra_body: [] }, 'extra_body'],
    [
      'two words for thinking',
      { google: { thinking_config: { thinking_budget: 1, thinkingLevel: 'LOW' } } },
      'google.thinking_config',
    ],
    ['a thinking option that is not known', { google: { thinking_config: { depth: 3 } } }, 'google.thinking_config.depth'],
    ['thinking that is no object', { google: { thinkingConfig: 5 } }, 'google.thinkingConfig'],
    ['a cached content without a name', { google: { cached_content: '' } }, 'google.cached_content'],
    [
      'a tool configuration that is not known',
      { google: { tool_config: { function_calling_config: {} } } },
      'google.tool_config.function_calling_config',
    ],
    ['web search options that are no object', { web_search_options: true }, 'web_search_options'],
  ])('refuses %s by name', (_name, more, param) => {
    expect(refusedParam(say('Hi', more))).toBe(param);
  });

  it('refuses a cached content beside what that holds itself', () => {
    const google = { cached_content: 'abc' };
    const system = {
      messages: [
        { role: 'system', content: 'x' },
        { role: 'user', content: 'Hi' },
      ],
      google,
    };
    expect(refusedParam(system)).toBe('google.cached_content');
    expect(refusedParam(say('Hi', { google, tools: [{ type: 'function', function: { name: 'f' } }] }))).toBe(
      'google.cached_content',
    );
    expect(ask(say('Hi', { google })).body.cachedContent).toBe('cachedContents/abc');
  });

  it('counts nulls as absent', () => {
    const { body, ignored } = ask(
      say('Hi', { google: { cached_content: null, thinking_config: { thinking_budget: null } }, extra_body: { google: null } }),
    );
    expect(body).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hi' }] }], generationConfig: { thinkingConfig: {} } });
    expect(ignored).toEqual([]);
  });

  it('wins over the same option in extra_body', () => {
    const more = { google: { top_k: 2 }, extra_body: { google: { top_k: 1, image_config: { aspect_ratio: '1:1' } } } };
    expect(ask(say('Hi', more)).body.generationConfig).toEqual({ topK: 2, imageConfig: { aspect_ratio: '1:1' } });
  });

  it('carries what only Vertex AI has', () => {
    const more = { google: { labels: { a: 'b' }, audio_timestamp: true } };
    const { body } = ask(say('Hi', more), targetOf(undefined, vertexOf()));
    expect(body).toMatchObject({ labels: { a: 'b' }, generationConfig: { audioTimestamp: true } });
  });
});
