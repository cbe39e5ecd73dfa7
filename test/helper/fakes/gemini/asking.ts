import { opened } from '../../cleanup.ts';
import { type FakeGemini, type FakeGeminiOptions, startFakeGemini } from './server.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape.
export type Json = Record<string, any>;

export const say = (text: string) => ({ role: 'user', parts: [{ text }] });

/** A fake that is closed after the test. */
export async function start(options: FakeGeminiOptions = {}): Promise<FakeGemini> {
  return opened(await startFakeGemini(options));
}

/** One request with the right key, unless other headers are given. */
export async function ask(
  fake: FakeGemini,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { 'x-goog-api-key': fake.apiKey },
) {
  const answer = await fetch(`${fake.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    text,
    json: (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined) as Json,
  };
}

export const generate = (fake: FakeGemini, body: unknown, model = 'gemini-3.8-flash') =>
  ask(fake, 'POST', `/models/${model}:generateContent`, body);
