import { describe, expect, it } from 'vitest';
import { chatCodec } from '../../../providers/openai/chat/codec.ts';
import { fields } from '../../../providers/openai/chat/fields.ts';
import { verifyChatCompletion } from '../../../providers/openai/passthrough/chat-json.ts';
import { translateSameDialect } from '../../../providers/openai/passthrough/index.ts';
import { translateThroughPivot } from '../../../providers/pivot/translate.ts';
import type { ChatBack, Translation } from '../../../providers/provider.ts';
import { readFailure } from '../../../providers/wire/failure.ts';
import { accumulate } from '../accumulate.ts';
import { chatStreams, fixture, fixtureJson, fixtures } from '../fixtures.ts';
import { callOf, contextOf, eventOf, payloads, play, targetOf } from '../support.ts';

/** The client's own dialect as if it were another one: the way through the model has to change nothing. */
const back: ChatBack = {
  dialect: 'openai',
  fields: Object.fromEntries(Object.keys(fields).map((field) => [field, 'mapped'])),
  options: [],
  encode: (request) => ({
    request: {
      method: 'POST',
      path: '/v1/chat/completions',
      headers: {},
      body: Buffer.from(JSON.stringify(chatCodec.encodeRequest(request))),
    },
  }),
  decodeResponse: (body) => chatCodec.decodeResponse(verifyChatCompletion(body)),
  decoder: () => chatCodec.decoder(),
  failure: (head, bytes) => readFailure(head, bytes, []),
};

function both(body: object, through: ChatBack = back): { readonly pivot: Translation; readonly direct: Translation } {
  const call = callOf(body, { dropped: new Set(['gateway']) });
  return {
    pivot: translateThroughPivot(call, targetOf(), through, contextOf()),
    direct: translateSameDialect(call, targetOf())!,
  };
}

/** Without what asks for nothing and what no other dialect knows: the pivot leaves both out. */
function asked(body: Buffer): object {
  const entries = Object.entries(JSON.parse(body.toString()) as Record<string, unknown>);
  const neutral = (key: string, value: unknown) =>
    value === null || (fields[key] ?? []).some((each) => JSON.stringify(each) === JSON.stringify(value));
  const blank = (value: unknown) => typeof value === 'object' && JSON.stringify(value).length === 2;
  return asRuled(
    Object.fromEntries(entries.filter(([key, value]) => Object.hasOwn(fields, key) && !neutral(key, value) && !blank(value))),
  );
}

/** With tool calls as the rules want them: arguments are JSON text, ids can be used, no signature of another dialect. */
function asRuled(value: unknown): object {
  const text = JSON.stringify(value, (key, each) => {
    if (key === 'extra_content') return undefined;
    if (key === 'id' && typeof each === 'string' && (each === '' || each.startsWith('call_00000'))) return 'made up';
    return key === 'arguments' && each === '' ? '{}' : each;
  });
  return JSON.parse(text) as object;
}

/** A request without the forms that only their own server or the past knows. */
function readable(body: Readonly<Record<string, unknown>>): object {
  const unread = chatCodec.unread(body, chatCodec.decodeRequest(body));
  const messages = (body.messages as object[]).filter((each) => chatCodec.unreadMessage({ messages: [each] }) === null);
  return { ...Object.fromEntries(Object.entries(body).filter(([field]) => !unread.includes(field))), messages };
}

const asking = { model: 'm', messages: [], stream: true, stream_options: { include_usage: true } };
const chunks = (bytes: Buffer) => payloads(bytes).filter((payload) => payload !== '[DONE]');

describe('the way through the unified model and the pass-through agree', () => {
  it.each(fixtures('request-'))('on the request %s', (name) => {
    const { pivot, direct } = both({ ...readable(fixtureJson(name)), gateway: { x: 1 } });
    expect(asked(pivot.request.body!)).toEqual(asked(direct.request.body!));
  });

  it.each(Object.entries(fixtureJson('responses.json')))('on the answer %s', (_name, body) => {
    const bytes = Buffer.from(JSON.stringify(body));
    const { pivot, direct } = both({ model: 'm', messages: [] });
    const [through, passed] = [pivot.json(bytes), direct.json(bytes)];
    expect(asRuled(JSON.parse(through.bytes.toString()))).toEqual(asRuled(JSON.parse(passed.bytes.toString())));
    expect({ usage: through.usage, model: through.model }).toEqual({ usage: passed.usage, model: passed.model });
  });

  it.each(chatStreams)('on the stream %s', (name) => {
    for (const body of [asking, { ...asking, stream_options: null }]) {
      const { pivot, direct } = both(body);
      const [through, passed] = [pivot.stream(), direct.stream()];
      expect(asRuled(accumulate(chunks(play(through, fixture(name)))))).toEqual(
        asRuled(accumulate(chunks(play(passed, fixture(name))))),
      );
      expect([through.usage, through.model, through.content, through.failure]).toEqual([
        passed.usage,
        passed.model,
        passed.content,
        passed.failure,
      ]);
    }
  });

  it.each(Object.entries(fixtureJson('errors.json')))('S10: on the error %s in a stream', (_name, body) => {
    const { pivot, direct } = both(asking);
    const failures = [pivot.stream(), direct.stream()].map((stream) => {
      stream.push(eventOf(body));
      return stream.failure;
    });
    expect(failures[0]).toEqual(failures[1]);
    expect(failures[0]).not.toBeNull();
  });

  it('S13: on JSON in answer to a call for a stream, and a stream in answer to a call for JSON', () => {
    const { pivot, direct } = both(asking);
    const body = Buffer.from(JSON.stringify(fixtureJson('responses.json').text));
    expect(pivot.jsonAsStream(body).bytes.toString()).toBe(direct.jsonAsStream(body).bytes.toString());
    const [through, passed] = [pivot.aggregate(), direct.aggregate()];
    for (const one of [through, passed]) play(one, fixture('stream-text.sse'));
    expect(through.result()).toEqual(passed.result());
  });
});

describe('translateThroughPivot', () => {
  it('always asks the upstream for usage and for its own model', () => {
    const { pivot } = both({ model: 'm', messages: [], stream: true });
    expect(JSON.parse(pivot.request.body!.toString())).toMatchObject({
      model: 'upstream-model',
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('puts usage that came early at the very end, once', () => {
    const stream = both(asking).pivot.stream();
    const usage = { prompt_tokens: 3, completion_tokens: 4 };
    const chunk = (content: string, finish: string | null) => ({
      choices: [{ index: 0, delta: { content }, finish_reason: finish }],
      usage,
    });
    const sent = payloads(
      play(stream, Buffer.from([chunk('a', null), chunk('b', 'stop')].map((one) => `data: ${JSON.stringify(one)}\n\n`).join(''))),
    );
    expect(sent.filter((one) => (one as { usage?: unknown }).usage)).toHaveLength(1);
    expect(sent.at(-2)).toMatchObject({ choices: [], usage: { prompt_tokens: 3 } });
    expect(sent.at(-1)).toBe('[DONE]');
  });

  it('S7, S12: judges completion as the back dialect does', () => {
    const stream = both(asking).pivot.stream();
    stream.push(eventOf({ choices: [{ index: 0, delta: { content: 'x' } }] }));
    stream.push(eventOf('[DONE]'));
    expect(stream).toMatchObject({ finished: true, completed: false, failure: { reason: 'truncated' } });
  });

  it('role and empty text are not content', () => {
    const stream = both(asking).pivot.stream();
    stream.push(eventOf({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }));
    expect(stream.content).toBe(false);
    stream.push(eventOf({ choices: [{ index: 0, delta: { content: 'x' } }] }));
    expect(stream.content).toBe(true);
  });

  it.each([
    ['tool_choice', { type: 'web_search_preview' }],
    ['tool_choice', 'whatever'],
    ['response_format', { type: 'grammar', grammar: 'root ::= "x"' }],
  ])('refuses %s in a form that only its own server knows: %j', (field, value) => {
    const refusal = expect.objectContaining({ failure: expect.objectContaining({ reason: 'invalid_request', param: field }) });
    expect(() => both({ model: 'm', messages: [], [field]: value })).toThrow(refusal);
  });

  it.each([
    ['messages[1].function_call', { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } }],
    ['messages[1].role', { role: 'function', name: 'f', content: 'x' }],
  ])('refuses %s: a history with a hole is another conversation', (param, message) => {
    const refusal = expect.objectContaining({ failure: expect.objectContaining({ reason: 'invalid_request', param }) });
    const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }, message] };
    expect(() => both(body)).toThrow(refusal);
  });

  it('push never throws, whatever a decoder does', () => {
    const broken: ChatBack = {
      ...back,
      decoder: () => ({
        push: () => {
          throw new RangeError('stack');
        },
        completed: false,
        finished: false,
      }),
    };
    const stream = both(asking, broken).pivot.stream();
    expect(stream.push(eventOf({}))).toBeNull();
    expect(stream.failure?.reason).toBe('protocol');
  });
});
