/**
 * Fakes of two provider APIs on 127.0.0.1 that refuse what the real ones refuse, with their texts.
 *
 * ```ts
 * const gemini = await startFakeGemini();            // gemini.origin, gemini.url (with /v1beta), gemini.apiKey
 * gemini.requests.at(-1)                             // method, path, query, headers, body, refusal, status, aborted
 * gemini.next({ status: 503, body: {...} })          // the next call; also (request) => reply, and `always(...)`
 * gemini.next((request) => streamReply(chunks, request, { piece: 1, delay: 2, cut: 300, end: 'rst' }))
 * anthropic.next(eventReply([...events.slice(0, 4), overloadedEvent]))
 * ```
 *
 * A scripted call is validated too, unless its reply says `unchecked: true`. Without a script an accepted request gets the
 * same answer every time; `prompt.ts` has the words by which a prompt asks for calls. `validateGemini` and
 * `validateAnthropic` are the rules alone: pure, null or the refusal. What differs between models is in `models.ts` of each.
 */

export { type AnthropicError, anthropicError } from './anthropic/errors.ts';
export { type FakeAnthropic, type FakeAnthropicOptions, startFakeAnthropic } from './anthropic/server.ts';
export { signThinking } from './anthropic/signatures.ts';
export { eventReply, overloadedEvent, type StreamEvent } from './anthropic/stream.ts';
export { type AnthropicValidation, validateAnthropic } from './anthropic/validate.ts';
export { exhausted, type GeminiError, geminiError } from './gemini/errors.ts';
export { type FakeGemini, type FakeGeminiOptions, startFakeGemini } from './gemini/server.ts';
export { issueSignature, sentinel } from './gemini/signatures.ts';
export { streamReply } from './gemini/stream.ts';
export { type GeminiValidation, validateGemini } from './gemini/validate.ts';
export type { FakeReply, FakeRequest, FakeScript, FakeServer } from './server.ts';
