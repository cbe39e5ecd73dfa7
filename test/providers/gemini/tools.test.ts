import { describe, expect, it } from 'vitest';
import { ask, refusedParam, say, targetOf, translationOf, vertexOf } from './support.ts';

type Json = Record<string, unknown>;

const fn = (name = 'f', more: object = {}) => ({ type: 'function', function: { name, ...more } });
const configOf = (more: object, target = targetOf()) => ask(say('Hi', more), target).body.toolConfig;
const declarationsOf = (more: object, target = targetOf()) => {
  const tools = ask(say('Hi', more), target).body.tools as { functionDeclarations?: Json[] }[] | undefined;
  return tools?.flatMap((tool) => tool.functionDeclarations ?? []);
};
const named = (name: string) => ({ type: 'function', function: { name } });
const allowed = (mode: string, ...names: string[]) => ({
  type: 'allowed_tools',
  allowed_tools: { mode, tools: names.map(named) },
});
const tools = [fn('f'), fn('g')];

describe('tool_choice', () => {
  it.each([
    ['none', 'none', { mode: 'NONE' }],
    ['required', 'required', { mode: 'ANY' }],
    ['one function', named('g'), { mode: 'ANY', allowedFunctionNames: ['g'] }],
    ['required among allowed ones', allowed('required', 'f'), { mode: 'ANY', allowedFunctionNames: ['f'] }],
    ['allowed ones', allowed('auto', 'f', 'g'), { mode: 'VALIDATED', allowedFunctionNames: ['f', 'g'] }],
  ])('%s', (_name, choice, config) => {
    expect(configOf({ tools, tool_choice: choice })).toEqual({ functionCallingConfig: config });
  });

  it('is nothing for auto', () => {
    expect(configOf({ tools, tool_choice: 'auto' })).toBeUndefined();
    expect(configOf({ tools })).toBeUndefined();
  });

  it('declares only the allowed functions where no mode can say it', () => {
    const target = targetOf('gemini-2.0-flash');
    const more = { tools, tool_choice: allowed('auto', 'g') };
    expect(configOf(more, target)).toBeUndefined();
    expect(declarationsOf(more, target)).toEqual([{ name: 'g' }]);
  });

  it.each([
    ['a function that is not there', { tools, tool_choice: named('h') }],
    ['allowed functions that are not there', { tools, tool_choice: allowed('auto', 'f', 'h') }],
    ['a call without tools', { tool_choice: 'required' }],
    ['a named function without tools', { tool_choice: named('f') }],
  ])('refuses %s', (_name, more) => {
    expect(refusedParam(say('Hi', more))).toBe('tool_choice');
  });

  it('asks for calls that keep to the schema when a function is strict', () => {
    const strict = { tools: [fn('f', { strict: true }), fn('g')] };
    expect(configOf(strict)).toEqual({ functionCallingConfig: { mode: 'VALIDATED' } });
    const older = ask(say('Hi', strict), targetOf('gemini-2.0-flash'));
    expect(older.body.toolConfig).toBeUndefined();
    expect(older.ignored).toEqual(['tools[0].function.strict']);
  });
});

describe('parallel_tool_calls: false', () => {
  const one = { tools, parallel_tool_calls: false };
  const part = (name: string, more: object = {}) => ({ functionCall: { name, args: { of: name } }, ...more });
  const document = (...parts: object[]) => ({
    candidates: [{ content: { role: 'model', parts }, index: 0, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
  });
  const both = document({ text: 'Both. ' }, part('f', { thoughtSignature: 'c2ln' }), part('g'), { text: 'Done.' });
  const called = (message: { tool_calls?: { function: { name: string } }[] }) =>
    message.tool_calls?.map((call) => call.function.name);

  it('is no parameter of the request', () => {
    expect(ask(say('Hi', one)).body).toEqual(ask(say('Hi', { tools })).body);
    expect(ask(say('Hi', one)).ignored).toEqual([]);
  });

  it.each([
    [{ tools }, ['f', 'g']],
    [one, ['f']],
  ])('lets the first of several calls through: %j', (more, names) => {
    const translation = translationOf(say('Hi', more));
    const { choices } = JSON.parse(translation.json(Buffer.from(JSON.stringify(both))).bytes.toString());
    expect(called(choices[0].message)).toEqual(names);
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: 'Both. Done.' } });
    const collected = translationOf(say('Hi', more)).aggregate();
    for (const each of [document(part('f')), document(part('g'))])
      collected.push({ event: '', data: Buffer.from(JSON.stringify(each)) });
    collected.end();
    expect(called(JSON.parse(collected.result().bytes.toString()).choices[0].message)).toEqual(names);
  });
});

describe('declarations', () => {
  it.each([
    ['no parameters', {}],
    ['null', { parameters: null }],
    ['an empty schema', { parameters: {} }],
    ['an object without properties', { parameters: { type: 'object', properties: {}, additionalProperties: false } }],
  ])('have no schema for %s', (_name, more) => {
    expect(declarationsOf({ tools: [fn('f', more)] })).toEqual([{ name: 'f' }]);
    // The oldest form of them, for a model that the fake does not have any more.
    const older = translationOf(say('Hi', { tools: [fn('f', more)] }), targetOf('gemini-1.5-pro'));
    expect(JSON.parse(older.request.body!.toString())).toMatchObject({ tools: [{ functionDeclarations: [{ name: 'f' }] }] });
    expect(older.request.body!.includes('parameters')).toBe(false);
  });

  it('refuses parameters that are no schema', () => {
    expect(refusedParam(say('Hi', { tools: [fn(), fn('g', { parameters: 'none' })] }))).toBe('tools[1].function.parameters');
  });

  it.each([
    ['a custom tool', { type: 'custom', custom: { name: 'sql', description: 'x' } }],
    ['a tool of another vendor', { type: 'web_search_preview' }],
  ])('refuses %s by its place', (_name, tool) => {
    expect(refusedParam(say('Hi', { tools: [fn(), tool] }))).toBe('tools[1]');
  });

  it('refuses functions for a model that calls none', () => {
    expect(refusedParam(say('Hi', { tools }), targetOf('gemini-2.5-flash-image'))).toBe('tools');
  });
});

describe('tools of the provider', () => {
  const native = { google: { tools: [{ google_search: {} }, { codeExecution: {} }] } };

  it('stand beside functions from generation 3 on', () => {
    const { body } = ask(say('Hi', { ...native, tools: [fn()] }));
    expect(body.tools).toEqual([{ google_search: {} }, { codeExecution: {} }, { functionDeclarations: [{ name: 'f' }] }]);
    expect(body.toolConfig).toEqual({ includeServerSideToolInvocations: true });
  });

  it('need no further word on Vertex AI', () => {
    expect(ask(say('Hi', { ...native, tools: [fn()] }), targetOf(undefined, vertexOf())).body.toolConfig).toBeUndefined();
  });

  it('are refused beside functions by older models, and fine alone', () => {
    const target = targetOf('gemini-2.5-flash');
    expect(refusedParam(say('Hi', { ...native, tools: [fn()] }), target)).toBe('google.tools');
    expect(ask(say('Hi', native), target).body.tools).toEqual([{ google_search: {} }, { codeExecution: {} }]);
  });

  it('take no functions among them', () => {
    const hidden = { google: { tools: [{ function_declarations: [] }] } };
    expect(refusedParam(say('Hi', hidden))).toBe('google.tools[0]');
    expect(refusedParam(say('Hi', { google: { tools: {} } }))).toBe('google.tools');
    expect(refusedParam(say('Hi', { google: { tools: [1] } }))).toBe('google.tools[0]');
  });

  it('search once, even when asked for twice', () => {
    const { body } = ask(say('Hi', { ...native, web_search_options: {} }));
    expect(body.tools).toEqual([{ google_search: {} }, { codeExecution: {} }]);
  });

  it('are told where the user is', () => {
    const place = { lat_lng: { latitude: 1, longitude: 2 } };
    const more = { google: { tools: [{ google_maps: {} }], retrieval_config: place } };
    expect(configOf(more)).toEqual({ retrievalConfig: place });
  });
});
