import { expect, test } from 'vitest';
import { ask, generate, type Json, say, start } from './asking.ts';

const prefix = { contents: [say('x'.repeat(6000))], systemInstruction: { parts: [{ text: 'Be brief.' }] } };

test('cachedContents: created, used with its tokens inside the prompt’s, listed, prolonged, expired, deleted', async () => {
  let now = Date.parse('2026-11-22T12:00:00Z');
  const fake = await start({ now: () => now });
  const create = (body: Json) => ask(fake, 'POST', '/cachedContents', { model: 'models/gemini-3.8-flash', ...prefix, ...body });
  const { json: made } = await create({ ttl: '60s', displayName: 'p' });
  expect(made).toMatchObject({ model: 'models/gemini-3.8-flash', expireTime: '2026-11-22T12:01:00.000Z', displayName: 'p' });
  expect(Object.keys(made)).not.toContain('contents');
  const tokens = made.usageMetadata.totalTokenCount as number;
  const used = await generate(fake, { cachedContent: made.name, contents: [say('Hi')] });
  expect(used.json.usageMetadata).toMatchObject({ cachedContentTokenCount: tokens, promptTokenCount: tokens + 1 });
  expect(fake.caches()[0]!.uses).toBe(1);

  const other = await create({});
  expect(other.json.expireTime).toBe('2026-11-22T13:00:00.000Z');
  const page = await ask(fake, 'GET', '/cachedContents?pageSize=1');
  const next = await ask(fake, 'GET', `/cachedContents?pageSize=1&pageToken=${page.json.nextPageToken}`);
  expect([page, next].flatMap((answer) => answer.json.cachedContents.map((cache: Json) => cache.name))).toEqual([
    made.name,
    other.json.name,
  ]);
  expect(next.json.nextPageToken).toBeUndefined();

  const patched = await ask(fake, 'PATCH', `/${made.name}?updateMask=ttl`, { ttl: '120s' });
  expect(patched.json.expireTime).toBe('2026-11-22T12:02:00.000Z');
  expect((await ask(fake, 'PATCH', `/${made.name}?updateMask=model`, { ttl: '1s' })).status).toBe(400);
  now += 121_000;
  const gone = await generate(fake, { cachedContent: made.name, contents: [say('Hi')] });
  expect([gone.status, gone.json.error.message]).toEqual([403, 'CachedContent not found (or permission denied)']);
  expect((await ask(fake, 'GET', `/${made.name}`)).status).toBe(403);
  expect((await ask(fake, 'PATCH', `/${made.name}?updateMask=ttl`, { ttl: '1s' })).status).toBe(403);
  expect((await ask(fake, 'PATCH', `/${other.json.name}?updateMask=ttl`, {})).status).toBe(400);
  expect((await generate(fake, { cachedContent: 'other/name', contents: [say('Hi')] })).status).toBe(400);
  expect((await ask(fake, 'DELETE', `/${other.json.name}`)).json).toEqual({});
  expect((await ask(fake, 'DELETE', `/${other.json.name}`)).status).toBe(403);
  expect((await ask(fake, 'PUT', '/cachedContents')).status).toBe(404);
  expect((await ask(fake, 'GET', '/cachedContents')).json).toEqual({});
});

test.each<[string, Json, Json, string]>([
  [
    'a prefix to the model',
    {},
    { model: 'gemini-3.8-flash' },
    '* CreateCachedContentRequest.cached_content.model: unexpected model name format\n',
  ],
  ['a model', {}, { model: undefined }, '* CreateCachedContentRequest.cached_content.model: model is not specified\n'],
  ['a lifetime above 0', { ttl: '1s' }, { ttl: '0s' }, '* CreateCachedContentRequest.cached_content.ttl: ttl must be positive\n'],
  [
    'a short name',
    { displayName: 'x'.repeat(128) },
    { displayName: 'x'.repeat(129) },
    '* CreateCachedContentRequest.cached_content.display_name: must be at most 128 characters\n',
  ],
  [
    'a model that can be cached',
    {},
    { model: 'models/gemini-2.5-flash-image' },
    'models/gemini-2.5-flash-image is not found for API version v1beta, or is not supported for createCachedContent. Call ListModels to see the list of available models and their supported methods.',
  ],
  [
    'enough tokens',
    {},
    { contents: [say('x')], systemInstruction: null },
    'Cached content is too small. total_token_count=1, min_total_token_count=1024',
  ],
  [
    'ttl or expireTime',
    { ttl: '1s' },
    { ttl: '1s', expireTime: '2030-01-01T00:00:00Z' },
    "Invalid value (oneof), oneof field 'expiration' is already set. Cannot set 'expireTime'",
  ],
  [
    'a duration',
    { ttl: '1.5s' },
    { ttl: '5m' },
    "Invalid value at 'ttl' (type.googleapis.com/google.protobuf.Duration), Field 'ttl', Illegal duration format; duration must end with 's'",
  ],
])('cachedContents need %s', async (_case, accepted, refused, message) => {
  const fake = await start();
  const create = (body: Json) => ask(fake, 'POST', '/cachedContents', { model: 'models/gemini-3.8-flash', ...prefix, ...body });
  expect((await create(accepted)).status).toBe(200);
  expect((await create(refused)).json.error.message).toBe(message);
});

test('a cache holds the instructions and the tools, and is for one model; its least size can be set', async () => {
  const fake = await start({ minCacheTokens: 1 });
  const tools = [{ functionDeclarations: [{ name: 'f' }] }];
  const body = {
    model: 'models/gemini-3.8-flash',
    contents: [say('x')],
    tools,
    toolConfig: { functionCallingConfig: { mode: 'ANY' } },
  };
  const { name } = (await ask(fake, 'POST', '/cachedContents', body)).json;
  const use = (more: Json, model?: string) => generate(fake, { cachedContent: name, contents: [say('y')], ...more }, model);
  expect((await use({})).json.candidates[0].content.parts[0].functionCall.name).toBe('f');
  for (const more of [{ systemInstruction: { parts: [{ text: 'x' }] } }, { tools }, { toolConfig: {} }]) {
    expect((await use(more)).json.error.message).toMatch(/^CachedContent can not be used with GenerateContent request setting/);
  }
  expect((await use({}, 'gemini-2.5-flash')).json.error.message).toBe(
    'Model used by GenerateContent request (models/gemini-2.5-flash) and CachedContent (models/gemini-3.8-flash) has to be the same.',
  );
});
