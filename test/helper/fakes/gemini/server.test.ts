import { expect, test } from 'vitest';
import { ask, generate, type Json, say, start } from './asking.ts';
import { streamReply } from './stream.ts';

// What the fake does over HTTP: keys, answers, streams, models, scripts.

test.each<[string, (key: string) => [string, Record<string, string>], number, string]>([
  ['the header', (key) => ['', { 'x-goog-api-key': key }], 200, ''],
  ['the query', (key) => [`?key=${key}`, {}], 200, ''],
  ['a bearer', (key) => ['', { authorization: `Bearer ${key}` }], 200, ''],
  ['no key', () => ['', {}], 403, 'PERMISSION_DENIED'],
  ['a wrong key', () => ['', { 'x-goog-api-key': 'wrong' }], 400, 'INVALID_ARGUMENT'],
  ['a wrong bearer', () => ['', { authorization: 'Bearer wrong' }], 401, 'UNAUTHENTICATED'],
])('keys: %s', async (_case, credentials, status, kind) => {
  const fake = await start();
  const [query, headers] = credentials(fake.apiKey);
  const answer = await ask(fake, 'POST', `/models/gemini-3.8-flash:generateContent${query}`, { contents: [say('x')] }, headers);
  expect(answer.status).toBe(status);
  if (status === 400) expect(answer.json.error.details[0]).toMatchObject({ reason: 'API_KEY_INVALID' });
  if (status !== 200) expect(answer.json.error.status).toBe(kind);
});

test('an accepted request gets text and usage whose total is the sum; a refused one is remembered with its refusal', async () => {
  const fake = await start();
  const good = await generate(fake, { contents: [say('Héllo')] });
  expect(good.json.candidates[0].content.parts[0].text).toBe('You said: Héllo');
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, totalTokenCount } = good.json.usageMetadata;
  expect(totalTokenCount).toBe(promptTokenCount + candidatesTokenCount + thoughtsTokenCount);
  const bad = await generate(fake, { contents: [say('x')], n: 1 });
  expect(fake.requests.map(({ status, refusal }) => [status, refusal])).toEqual([
    [200, null],
    [400, bad.json],
  ]);
});

test('a body that is no JSON is refused', async () => {
  const fake = await start();
  const path = `${fake.url}/models/gemini-3.8-flash:generateContent?key=${fake.apiKey}`;
  expect((await fetch(path, { method: 'POST', body: '{"contents":' })).status).toBe(400);
});

test('a loop of two steps with parallel calls goes through with its signatures and ends in text', async () => {
  const fake = await start();
  const tools = [
    { functionDeclarations: [{ name: 'f', parametersJsonSchema: { type: 'object', properties: { a: { type: 'integer' } } } }] },
  ];
  const contents: Json[] = [say('steps:2 parallel:2')];
  for (const step of [0, 1]) {
    const { json } = await generate(fake, { contents, tools });
    const { parts } = json.candidates[0].content;
    expect(parts.map((part: Json) => ['thoughtSignature' in part, part.functionCall.args, typeof part.functionCall.id])).toEqual([
      [true, { a: 7 }, 'string'],
      [false, { a: 7 }, 'string'],
    ]);
    expect(json.candidates[0].finishReason).toBe('STOP');
    contents.push(json.candidates[0].content, {
      role: 'user',
      parts: parts.map((part: Json) => ({ functionResponse: { id: part.functionCall.id, name: 'f', response: { step } } })),
    });
  }
  const end = await generate(fake, { contents, tools });
  expect(end.json.candidates[0].content.parts[0].text).toBe('Results: [{"step":1},{"step":1}]');
});

test.each([true, false])('calls carry an id when asked for: %s', async (callIds) => {
  const fake = await start({ callIds });
  const { json } = await generate(fake, { contents: [say('x')], tools: [{ functionDeclarations: [{ name: 'f' }] }] });
  expect('id' in json.candidates[0].content.parts[0].functionCall).toBe(callIds);
});

test('a stream comes as events with CRLF, its text joins, its usage grows, only the last chunk has a reason', async () => {
  const fake = await start();
  const { text } = await ask(fake, 'POST', '/models/gemini-3.8-flash:streamGenerateContent?alt=sse', {
    contents: [say('a longer thing')],
  });
  const events = text.split('\r\n\r\n').filter(Boolean);
  const chunks = events.map((event) => JSON.parse(event.replace(/^data: /, '')) as Json);
  expect(text.endsWith('}\r\n\r\n')).toBe(true);
  expect(chunks.flatMap((chunk) => chunk.candidates[0].content.parts.map((part: Json) => part.text)).join('')).toBe(
    'You said: a longer thing',
  );
  expect(chunks.map((chunk) => chunk.candidates[0].finishReason).filter(Boolean)).toEqual(['STOP']);
  expect(chunks.at(-1)!.candidates[0].content.parts[0]).toEqual({ text: '', thoughtSignature: expect.any(String) });
  expect(chunks.at(-1)!.usageMetadata.totalTokenCount).toBeGreaterThan(chunks[0]!.usageMetadata.totalTokenCount);
});

test('without alt=sse a stream is one growing array, and so is its refusal', async () => {
  const fake = await start();
  const path = '/models/gemini-2.5-flash:streamGenerateContent';
  const good = await ask(fake, 'POST', path, { contents: [say('x')] });
  expect(good.json).toHaveLength(3);
  const bad = await ask(fake, 'POST', path, { contents: [] });
  expect([bad.status, bad.json[0].error.code]).toEqual([400, 400]);
});

test('thoughts are shown when asked for, a limit spent on them leaves no parts, several candidates come when taken', async () => {
  const fake = await start();
  const config = (generationConfig: Json) => ({ contents: [say('x')], generationConfig });
  const shown = await generate(fake, config({ thinkingConfig: { includeThoughts: true } }));
  expect(shown.json.candidates[0].content.parts[0].thought).toBe(true);
  const spent = await generate(fake, config({ maxOutputTokens: 5 }));
  expect(spent.json.candidates[0]).toMatchObject({ content: { role: 'model' }, finishReason: 'MAX_TOKENS' });
  expect(spent.json.candidates[0].content.parts).toBeUndefined();
  const two = await generate(fake, config({ candidateCount: 2 }), 'gemini-2.5-flash');
  expect(two.json.candidates.map((candidate: Json) => candidate.index)).toEqual([0, 1]);
});

test('JSON fits its schema', async () => {
  const fake = await start();
  const schema = {
    type: 'object',
    properties: { a: { $ref: '#/$defs/A' } },
    $defs: { A: { type: 'array', items: { enum: ['x'] } } },
  };
  const generationConfig = { responseMimeType: 'application/json', responseJsonSchema: schema };
  const { json } = await generate(fake, { contents: [say('x')], generationConfig });
  expect(JSON.parse(json.candidates[0].content.parts[0].text)).toEqual({ a: ['x'] });
});

test('tokens are counted, models are listed in pages and looked up', async () => {
  const fake = await start();
  const counted = await ask(fake, 'POST', '/models/gemini-3.8-flash:countTokens', { contents: [say('12345')] });
  expect(counted.json.totalTokens).toBe(2);
  const page = await ask(fake, 'GET', '/models?pageSize=3');
  const rest = await ask(fake, 'GET', `/models?pageToken=${page.json.nextPageToken}`);
  expect(page.json.models).toHaveLength(3);
  expect(rest.json.nextPageToken).toBeUndefined();
  expect((await ask(fake, 'GET', '/models/gemini-3.8-flash')).json.supportedGenerationMethods).toContain('createCachedContent');
  expect((await ask(fake, 'GET', '/models/nothing')).status).toBe(404);
});

test('scripts answer in order, are validated too unless unchecked, and a cut stream is cut', async () => {
  const fake = await start();
  fake.next(
    { status: 503, body: { error: { code: 503, message: 'm', status: 'UNAVAILABLE' } } },
    { body: { a: 1 } },
    { body: { b: 2 }, unchecked: true },
  );
  expect((await generate(fake, { contents: [say('x')] })).status).toBe(503);
  expect((await generate(fake, { contents: [] })).status).toBe(400);
  expect((await generate(fake, { contents: [] })).json).toEqual({ b: 2 });
  expect((await generate(fake, { contents: [say('x')] })).json.candidates).toHaveLength(1);
  fake.always((request) =>
    streamReply([{ candidates: [{ index: 0 }] }, { late: true }], request, { piece: 7, delay: 1, cut: 30 }),
  );
  const path = `${fake.url}/models/gemini-3.8-flash:streamGenerateContent?alt=sse&key=${fake.apiKey}`;
  const answer = await fetch(path, { method: 'POST', body: JSON.stringify({ contents: [say('x')] }) });
  await expect(answer.text()).rejects.toThrow();
  expect(fake.requests.at(-1)!.aborted).toBe(false);
});

test('a peer that leaves is noticed', async () => {
  const fake = await start();
  fake.next((request) => streamReply([{ candidates: [] }], request, { cut: 5, end: 'never' }));
  const leaving = new AbortController();
  const path = `${fake.url}/models/gemini-3.8-flash:streamGenerateContent?alt=sse&key=${fake.apiKey}`;
  const answer = await fetch(path, { method: 'POST', body: JSON.stringify({ contents: [say('x')] }), signal: leaving.signal });
  expect(answer.status).toBe(200);
  leaving.abort();
  await expect.poll(() => fake.requests[0]!.aborted).toBe(true);
});
