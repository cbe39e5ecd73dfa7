import { openai } from '../../providers/openai/index.ts';
import type { Call, ProviderInstance, SseEvent, StreamTranslator, Target, TranslationContext } from '../../providers/provider.ts';
import { scanMembers } from '../../providers/wire/members.ts';
import { SseSplitter } from '../../providers/wire/sse.ts';

/** A provider instance as the configuration loader makes it. */
export function providerOf(overrides: Partial<ProviderInstance> = {}): ProviderInstance {
  return {
    name: 'one',
    type: openai,
    config: { type: 'openai' },
    baseUrl: 'https://api.example.test/v1',
    origin: 'https://api.example.test',
    path: '/v1',
    query: '',
    headers: { authorization: 'Bearer sk-test-000011112222' },
    credentials: [{ id: '1', weight: 1, headers: {} }],
    operations: new Set(['chat', 'embeddings', 'responses']),
    vendorHost: false,
    ...overrides,
  };
}

export function targetOf(provider: Partial<ProviderInstance> = {}, target: Partial<Target> = {}): Target {
  return { id: 'one/upstream-model', provider: providerOf(provider), model: 'upstream-model', weight: 1, ...target };
}

/** Ids count up (`call_000000000000000000000001`), the clock stands at second 1,700,000,000. */
export function contextOf(): TranslationContext {
  let count = 0;
  return { id: (prefix) => `${prefix}${String(++count).padStart(24, '0')}`, now: () => 1_700_000_000_000 };
}

/** A call whose body is the JSON text, or the value written as JSON. */
export function callOf(body: string | object, overrides: Partial<Call> = {}): Call {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const json = JSON.parse(bytes.toString()) as Record<string, unknown>;
  const options = json.stream_options as { include_usage?: boolean } | undefined | null;
  return {
    operation: 'chat',
    dialect: 'openai',
    body: { bytes, json, members: scanMembers(bytes) },
    stream: json.stream === true,
    streamUsage: options?.include_usage === true,
    dropped: new Set(),
    requireParameters: false,
    kept: new Map(),
    ...overrides,
  };
}

/** What a client would get: every event of the text pushed in pieces of the given sizes, then the end and, on success, the tail. */
export function play(translator: StreamTranslator, text: string | Buffer, cuts: readonly number[] = []): Buffer {
  const bytes = Buffer.from(text as string);
  const splitter = new SseSplitter();
  const out: Buffer[] = [];
  const onEvent = (event: SseEvent) => {
    const written = translator.push(event);
    if (written !== null) out.push(written);
  };
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    splitter.push(bytes.subarray(from, cut), onEvent);
    from = cut;
  }
  translator.end();
  if (translator.failure === null) out.push(translator.tail());
  return Buffer.concat(out);
}

/** One event holding the value as JSON. */
export function eventOf(value: unknown, event = ''): SseEvent {
  return { event, data: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)) };
}

/** The data payloads of an event stream, parsed; `[DONE]` as it is. */
export function payloads(stream: Buffer | string): unknown[] {
  const found: unknown[] = [];
  new SseSplitter().push(Buffer.from(stream as string), ({ data }) => {
    const text = data.toString();
    found.push(text === '[DONE]' ? text : JSON.parse(text));
  });
  return found;
}
