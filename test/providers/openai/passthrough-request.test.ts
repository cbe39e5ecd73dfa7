import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passthroughRequest } from '../../../providers/openai/passthrough/request.ts';
import { fixture } from '../fixtures.ts';
import { callOf, targetOf } from '../support.ts';

const config = (more: object) => ({ config: { type: 'openai', ...more } });
const sent = (body: string | object, provider: object = {}, call: object = {}) =>
  passthroughRequest(callOf(body, call), targetOf(provider)).body!.toString();

describe('pass-through request', () => {
  it('changes the model and not one byte else', () => {
    const body =
      '{ "messages": [ {"role":"user","content":"\\u00e9 \\/ é"} ],\n "temperature": 1.10, "seed": 9007199254740993, "model" : "gpt" , "x": 1e2 }';
    expect(sent(body)).toBe(body.replace('"gpt"', '"upstream-model"'));
  });

  it('sends the very bytes of the caller when nothing has to change', () => {
    const call = callOf({ model: 'upstream-model', messages: [] });
    expect(passthroughRequest(call, targetOf()).body).toBe(call.body.bytes);
  });

  it('A13: asks for usage on a stream, keeping the other options', () => {
    const body = {
      model: 'upstream-model',
      stream: true,
      stream_options: { include_obfuscation: false, include_usage: false },
      n: 1,
    };
    expect(JSON.parse(sent(body))).toEqual({ ...body, stream_options: { include_obfuscation: false, include_usage: true } });
  });

  it.each([[{}], [{ stream_options: null }]])('A13: asks for usage on a stream with %j', (more) => {
    const body = { model: 'm', stream: true, ...more };
    expect(JSON.parse(sent(body))).toEqual({ model: 'upstream-model', stream: true, stream_options: { include_usage: true } });
  });

  it('leaves stream_options alone when the caller asked for usage itself', () => {
    const body = '{"model":"upstream-model","stream":true,"stream_options":{ "include_usage" : true }}';
    expect(sent(body)).toBe(body);
  });

  it('does not ask an upstream that refuses the field, and takes out what the caller put there', () => {
    const body = { model: 'upstream-model', stream: true, stream_options: { include_usage: true } };
    expect(JSON.parse(sent(body, config({ stream_usage: false })))).toEqual({ model: 'upstream-model', stream: true });
  });

  it('adds no stream_options to a call without a stream, or of another operation', () => {
    expect(sent({ model: 'm' })).not.toContain('stream_options');
    expect(sent({ model: 'm', stream: true }, {}, { operation: 'responses' })).not.toContain('stream_options');
  });

  it('I10: leaves out the dropped members', () => {
    const dropped = new Set(['api_base', 'gateway', 'headers']);
    const body = { gateway: { a: 1 }, model: 'upstream-model', api_base: 'http://evil.test', n: 1, headers: {} };
    expect(sent(body, {}, { dropped })).toBe('{"model":"upstream-model","n":1}');
  });

  it('renames keys as configured, unless the new name is taken', () => {
    const renames = { max_completion_tokens: 'max_tokens', seed: 'random_seed' };
    expect(sent('{"model":"upstream-model","max_completion_tokens":5,"seed":1}', config({ renames }))).toBe(
      '{"model":"upstream-model","max_tokens":5,"random_seed":1}',
    );
    const both = '{"model":"upstream-model","max_completion_tokens":5,"max_tokens":6}';
    expect(sent(both, config({ renames }))).toBe(both);
  });

  it('never renames two keys to one', () => {
    const renames = { a: 'c', b: 'c' };
    expect(sent('{"model":"upstream-model","a":1,"b":2}', config({ renames }))).toBe('{"model":"upstream-model","c":1,"b":2}');
  });

  it('I11: writes a hostile model id as JSON text, never into the path', () => {
    const request = passthroughRequest(callOf({ model: 'm' }), targetOf({}, { model: '../x?key="\n' }));
    expect(JSON.parse(request.body!.toString())).toEqual({ model: '../x?key="\n' });
    expect(request.path).toBe('/v1/chat/completions');
  });

  it.each([
    ['chat', '/v1/chat/completions?a=b'],
    ['embeddings', '/v1/embeddings?a=b'],
    ['responses', '/v1/responses?a=b'],
  ] as const)('addresses %s', (operation, path) => {
    expect(passthroughRequest(callOf({ model: 'm' }, { operation }), targetOf({ query: '?a=b' })).path).toBe(path);
  });

  it("sends the provider's headers, and none of the caller's", () => {
    expect(passthroughRequest(callOf({ model: 'm' }), targetOf()).headers).toEqual({
      authorization: 'Bearer sk-test-000011112222',
      'content-type': 'application/json',
      accept: 'application/json',
    });
  });

  it('U16: asks for an uncompressed stream', () => {
    const { headers } = passthroughRequest(callOf({ model: 'm', stream: true }), targetOf());
    expect(headers).toMatchObject({ accept: 'text/event-stream', 'accept-encoding': 'identity' });
  });

  it('never mutates the call', () => {
    const call = callOf(fixture('request-all-fields.json').toString());
    const before = Buffer.from(call.body.bytes);
    passthroughRequest(call, targetOf());
    expect(call.body.bytes.equals(before)).toBe(true);
  });

  it('sends the same object with the edits, for any body', () => {
    const body = fc.dictionary(
      fc.string({ maxLength: 8 }).filter((key) => key !== '__proto__'),
      fc.jsonValue({ maxDepth: 2 }),
      { maxKeys: 6 },
    );
    fc.assert(
      fc.property(body, (fields) => {
        const given = JSON.parse(JSON.stringify({ ...fields, model: 'm' }));
        expect(JSON.parse(sent(given, {}, { stream: false }))).toEqual({ ...given, model: 'upstream-model' });
      }),
    );
  });
});
