import { expect } from 'vitest';
import { gemini } from '../../../providers/gemini/index.ts';
import { createInstance } from '../../../providers/instance.ts';
import type { Call, ProviderInstance, StreamTranslator, Target, Translation } from '../../../providers/provider.ts';
import { TranslationError, type UpstreamFailure } from '../../../providers/provider.ts';
import { SseSplitter } from '../../../providers/wire/sse.ts';
import type { ProviderConfig } from '../../../schemas/config.ts';
import { type GeminiValidation, validateGemini } from '../../helper/fakes/index.ts';
import { callOf } from '../support.ts';

type Json = Record<string, unknown>;

/** The model of tests that are not about a model. */
export const MODEL = 'gemini-3-flash-preview';

export function providerOf(config: Partial<ProviderConfig> = {}): ProviderInstance {
  return createInstance('google', { type: 'gemini', api_key: 'key-0123456789abcdef', ...config } as ProviderConfig, gemini);
}

/** Vertex AI as the documentation of the provider tells how to configure it. */
export function vertexOf(config: Partial<ProviderConfig> = {}): ProviderInstance {
  return providerOf({
    base_url: 'https://aiplatform.googleapis.com/v1/projects/p1/locations/global/publishers/google',
    version: '',
    auth: { header: 'authorization', scheme: 'Bearer' },
    ...config,
  });
}

export function targetOf(model = MODEL, provider = providerOf(), more: Partial<Target> = {}): Target {
  return { id: `google/${model}`, provider, model, weight: 1, ...more };
}

/** Identifiers are numbered, the clock stands. */
export function contextOf() {
  let count = 0;
  return { id: (prefix: string) => `${prefix}${++count}`, now: () => 1_700_000_000_000 };
}

export function translationOf(body: object, target = targetOf(), overrides: Partial<Call> = {}): Translation {
  return gemini.translate(callOf({ model: 'x', ...body }, overrides), target, contextOf())!;
}

export interface Asked {
  readonly path: string;
  readonly body: Json;
  readonly ignored: readonly string[];
  readonly translation: Translation;
}

/** The upstream request for a chat request, which the validating fake has to accept. */
export function ask(body: object, target = targetOf(), overrides: Partial<Call> = {}): Asked {
  const translation = translationOf(body, target, overrides);
  const { path } = translation.request;
  const sent = JSON.parse(translation.request.body!.toString()) as Json;
  expectAccepted(path, sent);
  return { path, body: sent, ignored: translation.ignored ?? [], translation };
}

export function expectAccepted(path: string, body: unknown, options: GeminiValidation = {}): void {
  const refusal = validateGemini(path.split('?')[0]!, body, { trustSignatures: true, cache: 'trust', ...options });
  expect(refusal?.body.error.message ?? null).toBeNull();
}

/** A request with these messages and members. */
export function say(text: string, more: object = {}): object {
  return { messages: [{ role: 'user', content: text }], ...more };
}

/** Runs `work` and gives the failure it throws. */
export function failureOf(work: () => unknown): UpstreamFailure {
  try {
    work();
  } catch (error) {
    if (error instanceof TranslationError) return error.failure;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** `param` of the refusal of a request. */
export function refusedParam(body: object, target = targetOf(), overrides: Partial<Call> = {}): string | null {
  const failure = failureOf(() => translationOf(body, target, overrides));
  expect(failure.reason).toBe('invalid_request');
  return failure.param;
}

/** A chat completion for one or more upstream documents as a JSON body. */
export function answerOf(document: unknown, request: object = say('Hi'), target = targetOf()): Json {
  return JSON.parse(translationOf(request, target).json(bytesOf(document)).bytes.toString()) as Json;
}

/** The only choice of an answer. */
export function choiceOf(document: unknown, request: object = say('Hi'), target = targetOf()): Json & { message: Json } {
  return (answerOf(document, request, target).choices as (Json & { message: Json })[])[0]!;
}

export function bytesOf(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}

/** A candidate's parts as a whole document. */
export function documentOf(parts: readonly object[], more: object = {}, candidate: object = {}): Json {
  return {
    candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0, ...candidate }],
    usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 5, totalTokenCount: 12 },
    modelVersion: MODEL,
    responseId: 'r1',
    ...more,
  };
}

/** Documents as the API streams them: CRLF, no names, no end mark. */
export function streamText(documents: readonly unknown[]): string {
  return documents.map((document) => `data: ${JSON.stringify(document)}\r\n\r\n`).join('');
}

/** Pushes the bytes in pieces that end at `cuts`; gives what the client gets, the tail included unless it failed. */
export function play(translator: StreamTranslator, bytes: Buffer, cuts: readonly number[] = []): Buffer {
  const splitter = new SseSplitter();
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    splitter.push(bytes.subarray(from, cut), (event) => {
      const written = translator.push(event);
      if (written !== null) out.push(written);
    });
    from = cut;
  }
  translator.end();
  if (translator.failure === null) out.push(translator.tail());
  return Buffer.concat(out);
}

/** Chunks of a client's stream, parsed, without `[DONE]`. */
export function chunksOf(stream: Buffer): Json[] {
  const found: Json[] = [];
  new SseSplitter().push(stream, ({ data }) => {
    const text = data.toString();
    if (text !== '[DONE]') found.push(JSON.parse(text) as Json);
  });
  return found;
}
