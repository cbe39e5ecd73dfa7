import { describe, expect, it } from 'vitest';
import { gemini } from '../../../providers/gemini/index.ts';
import type { PromptPrefix, ProviderInstance } from '../../../providers/provider.ts';
import { callOf } from '../support.ts';
import { bytesOf, contextOf, expectAccepted, failureOf, providerOf, targetOf, translationOf } from './support.ts';

type Json = Record<string, unknown>;

/** About so many tokens. */
const text = (tokens: number, seed = 'abc ') => seed.repeat(tokens);
const system = (content: string) => ({ role: 'system', content });
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const mark = { cache_control: { type: 'ephemeral' } };
const part = (content: string, more: object = {}) => ({ type: 'text', text: content, ...more });
const MODEL = 'gemini-2.5-flash';
const auto = providerOf({ context_cache: { mode: 'auto' } });

function prefixOf(
  messages: object[],
  provider: ProviderInstance = providerOf(),
  more: object = {},
  model = MODEL,
): PromptPrefix | undefined {
  return translationOf({ messages, ...more }, targetOf(model, provider)).prefix;
}

const bodyOf = (request: { readonly body: Buffer | null }) => JSON.parse(request.body!.toString()) as Json;

describe('marks of the caller', () => {
  it('on a system message make a cached content of what stands before the conversation', () => {
    const tools = [{ type: 'function', function: { name: 'f' } }];
    const messages = [{ ...system(text(3000)), ...mark }, user('Hi')];
    const prefix = prefixOf(messages, providerOf(), { tools, tool_choice: 'required' })!;
    expect(prefix).toMatchObject({ wanted: 'marker', ttlMs: 300_000, minTokens: 2048 });
    expect(prefix.tokens).toBeGreaterThan(2990);
    const create = prefix.create();
    expect(create).toMatchObject({ method: 'POST', path: '/v1beta/cachedContents' });
    expect(bodyOf(create)).toEqual({
      model: 'models/gemini-2.5-flash',
      systemInstruction: { parts: [{ text: text(3000) }] },
      tools: [{ functionDeclarations: [{ name: 'f' }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
      ttl: '300s',
    });
    const using = prefix.using('cachedContents/x');
    expect(using.path).toBe('/v1beta/models/gemini-2.5-flash:generateContent');
    expect(bodyOf(using)).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hi' }] }], cachedContent: 'cachedContents/x' });
    expectAccepted(create.path, bodyOf(create));
    expectAccepted(using.path, bodyOf(using));
  });

  it('on a part cut a message in two', () => {
    const prefix = prefixOf([user([part(text(3000), mark), part('And?')])])!;
    expect(bodyOf(prefix.create()).contents).toEqual([{ role: 'user', parts: [{ text: text(3000) }] }]);
    expect(bodyOf(prefix.using('cachedContents/x')).contents).toEqual([{ role: 'user', parts: [{ text: 'And?' }] }]);
  });

  it('on everything leave the last part for the request', () => {
    const prefix = prefixOf([system(text(3000)), user([part('One'), part('Two', mark)])])!;
    expect(bodyOf(prefix.create())).toMatchObject({ contents: [{ parts: [{ text: 'One' }] }] });
    expect(bodyOf(prefix.using('cachedContents/x')).contents).toEqual([{ role: 'user', parts: [{ text: 'Two' }] }]);
  });

  it('never part a call from its result', () => {
    const turn = [
      user(text(3000)),
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
        ...mark,
      },
      { role: 'tool', tool_call_id: 'a', content: 'done' },
    ];
    const prefix = prefixOf([user(text(3000)), ...turn])!;
    // Both user messages would be one turn with the call behind them; the cut is before the second.
    expect(bodyOf(prefix.using('cachedContents/x')).contents).toHaveLength(3);
    expect(bodyOf(prefix.create()).contents).toEqual([{ role: 'user', parts: [{ text: text(3000) }] }]);
    expectAccepted(prefix.using('x').path, bodyOf(prefix.using('cachedContents/x')));
  });

  it.each([
    ['1h', 3_600_000],
    ['5m', 300_000],
    ['90s', 90_000],
    ['1s', 60_000],
    ['999d', 86_400_000],
    ['soon', 600_000],
  ])('say how long: %s', (ttl, ttlMs) => {
    const configured = providerOf({ context_cache: { ttl: 600_000 } });
    const messages = [{ ...system(text(3000)), cache_control: { type: 'ephemeral', ttl } }, user('Hi')];
    const prefix = prefixOf(messages, configured)!;
    expect(prefix.ttlMs).toBe(ttlMs);
    expect(bodyOf(prefix.create()).ttl).toBe(`${ttlMs / 1000}s`);
  });

  it.each([
    ['too short', [{ ...system(text(100)), ...mark }, user('Hi')], undefined, {}, MODEL],
    ['not there', [system(text(3000)), user('Hi')], undefined, {}, MODEL],
    ['switched off', [{ ...system(text(3000)), ...mark }, user('Hi')], providerOf({ context_cache: { mode: 'off' } }), {}, MODEL],
    ['of a model that keeps none', [{ ...system(text(9000)), ...mark }, user('Hi')], undefined, {}, 'gemini-4-argon'],
    [
      'beside a cached content of the caller',
      [user([part(text(3000), mark), part('x')])],
      undefined,
      { google: { cached_content: 'c' } },
      MODEL,
    ],
    ['on the only part', [user([part(text(3000), mark)])], undefined, {}, MODEL],
  ])('make none when %s', (_name, messages, provider, more, model) => {
    expect(prefixOf(messages, provider, more, model)).toBeUndefined();
  });

  it('count from the configured size on', () => {
    const smaller = providerOf({ context_cache: { min_tokens: { 'gemini-*': 9000, 'gemini-2.5-*': 50, [MODEL]: 90 } } });
    expect(prefixOf([{ ...system(text(100)), ...mark }, user('Hi')], smaller)?.minTokens).toBe(90);
    expect(prefixOf([{ ...system(text(80)), ...mark }, user('Hi')], smaller)).toBeUndefined();
    expect(prefixOf([{ ...system(text(80)), ...mark }, user('Hi')], smaller, {}, 'gemini-2.5-pro')?.minTokens).toBe(50);
  });
});

describe('auto', () => {
  const digests = (conversations: object[][], provider = auto) =>
    new Set(conversations.map((messages) => prefixOf(messages, provider)?.digest));
  const twenty = (make: (at: number) => object[]) => Array.from({ length: 20 }, (_, at) => make(at));

  it('finds one long system text in 20 calls', () => {
    const found = digests(twenty((at) => [system(text(8000)), user(`Question ${at}`)]));
    expect(found.size).toBe(1);
    expect([...found][0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('finds one long document of the user in 20 calls', () => {
    expect(digests(twenty((at) => [system('Be brief'), user([part(text(8000)), part(`Question ${at}`)])])).size).toBe(1);
    expect(digests(twenty((at) => [user(text(8000)), assistant('Yes?'), user(`Question ${at}`)])).size).toBe(1);
    expect(digests(twenty((at) => [user(text(8000)), user(`Question ${at}`)])).size).toBe(1);
  });

  it('keeps to one through a growing conversation', () => {
    const turns: object[] = [system(text(3000)), user('Hi')];
    const found = new Set<string | undefined>();
    for (let round = 0; round < 5; round++) {
      found.add(prefixOf(turns, auto)?.digest);
      turns.push(assistant(`Answer ${round}`), user(`Question ${round}`));
    }
    expect(found.size).toBe(1);
  });

  it('takes a document along that is several times as long as the instructions', () => {
    const prefix = prefixOf([system(text(3000)), user([part(text(20_000)), part('And?')])], auto)!;
    expect(prefix.tokens).toBeGreaterThan(22_000);
    expect(prefixOf([system(text(3000)), user([part(text(5000)), part('And?')])], auto)!.tokens).toBeLessThan(4000);
  });

  it('tells models, instructions, tools and choices apart', () => {
    const messages = [system(text(8000)), user('Hi')];
    const tools = [{ type: 'function', function: { name: 'f' } }];
    const all = [
      prefixOf(messages, auto),
      prefixOf(messages, auto, {}, 'gemini-2.5-pro'),
      prefixOf([system(text(8000, 'abd ')), user('Hi')], auto),
      prefixOf(messages, auto, { tools }),
      prefixOf(messages, auto, { tools, tool_choice: 'none' }),
    ];
    expect(new Set(all.map((prefix) => prefix?.digest)).size).toBe(all.length);
  });

  it('does not tell apart what is not in it', () => {
    const messages = [system(text(8000)), user('Hi')];
    const warm = prefixOf(messages, auto, { temperature: 0.5, stream: true, max_tokens: 5 })!;
    expect(warm.digest).toBe(prefixOf(messages, auto)!.digest);
    expect(warm.wanted).toBe('auto');
    expect(warm.using('cachedContents/x').path).toBe('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse');
    expect(bodyOf(warm.using('cachedContents/x')).generationConfig).toEqual({ temperature: 0.5, maxOutputTokens: 5 });
  });

  it.each([
    ['nothing is long', [system('Be brief'), user('Hi')], auto, MODEL],
    ['only the last part is long', [user(text(9000))], auto, MODEL],
    [
      'it holds for other models',
      [system(text(9000)), user('Hi')],
      providerOf({ context_cache: { mode: 'auto', models: ['gemini-3*'] } }),
      MODEL,
    ],
  ])('makes none when %s', (_name, messages, provider, model) => {
    expect(prefixOf(messages, provider, {}, model)).toBeUndefined();
  });

  it('lets marks decide where there are some', () => {
    const prefix = prefixOf([{ ...system(text(3000)), ...mark }, user(text(20_000)), assistant('x'), user('y')], auto)!;
    expect(prefix.wanted).toBe('marker');
    expect(prefix.tokens).toBeLessThan(4000);
  });

  it('knows the length of a text that was cut out before the parse', () => {
    const long = text(20_000);
    const call = callOf({ model: 'x', messages: [system('…#48'), user('Hi')] });
    const start = 48;
    const body = {
      ...call.body,
      bytes: Buffer.from(`${' '.repeat(start)}${long}`),
      cut: new Map([['…#48', { start, end: start + long.length, shown: 0 }]]),
    };
    const translation = gemini.translate({ ...call, body }, targetOf(MODEL, auto), contextOf())!;
    expect(translation.prefix?.tokens).toBeGreaterThan(19_000);
    expect(bodyOf(translation.prefix!.create()).systemInstruction).toEqual({ parts: [{ text: long }] });
  });

  it('estimates media by their kind', () => {
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(4_000_000)}` } };
    const document = { type: 'file', file: { file_data: `data:application/pdf;base64,${'A'.repeat(1_000_000)}` } };
    expect(prefixOf([user([image, part('And?')])], auto)).toBeUndefined();
    expect(prefixOf([user([document, part('And?')])], auto)!.tokens).toBeGreaterThan(5000);
  });
});

describe('the answer to a create', () => {
  const prefix = () => prefixOf([{ ...system(text(3000)), ...mark }, user('Hi')])!;
  const resource = {
    name: 'cachedContents/ab-1',
    model: 'models/gemini-2.5-flash',
    createTime: '2026-05-28T14:45:17.5Z',
    expireTime: '2026-05-28T14:50:17.5Z',
    usageMetadata: { totalTokenCount: 3512 },
  };

  it('is a kept prefix', () => {
    expect(prefix().created(bytesOf(resource))).toEqual({
      name: 'cachedContents/ab-1',
      model: 'gemini-2.5-flash',
      tokens: 3512,
      createdAt: Date.parse(resource.createTime),
      expiresAt: Date.parse(resource.expireTime),
    });
  });

  it.each([
    ['without a name', { ...resource, name: undefined }, 'protocol'],
    ['with a name that leads elsewhere', { ...resource, name: '../models/x' }, 'protocol'],
    ['that is an error', { error: { code: 503, message: 'x', status: 'UNAVAILABLE' } }, 'overloaded'],
  ])('is a failure %s', (_name, body, reason) => {
    expect(failureOf(() => prefix().created(bytesOf(body))).reason).toBe(reason);
  });

  it.each([
    'Cached content is too small. total_token_count=896, min_total_token_count=1024',
    'The cached content is of 900 tokens. The minimum token count to start caching is 4096.',
  ])('may say that it is too small: %s', (message) => {
    const failure = gemini.prefixes!.failure(
      { status: 400, headers: {} },
      bytesOf({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
    );
    expect(failure).toMatchObject({ reason: 'invalid_request', code: 'prefix_too_small' });
  });
});
