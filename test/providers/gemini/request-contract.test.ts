import { describe, expect, it } from 'vitest';
import { gemini } from '../../../providers/gemini/index.ts';
import { callOf } from '../support.ts';
import { requestCases } from './requests.ts';
import { ask, contextOf, providerOf, targetOf, vertexOf } from './support.ts';

describe('a chat request becomes exactly this request of the API', () => {
  for (const { name, body, target, path, sent, ignored } of requestCases) {
    it(name, () => {
      const asked = ask(body, target);
      expect(asked.body).toEqual(sent);
      expect(asked.path).toBe(path ?? '/v1beta/models/gemini-3-flash-preview:generateContent');
      expect(asked.ignored).toEqual(ignored ?? []);
    });
  }

  it('leaves the body of the caller as it was', () => {
    for (const { body, target } of requestCases) {
      const call = callOf({ model: 'x', ...body });
      const before = structuredClone(call.body.json);
      gemini.translate(call, target ?? targetOf(), contextOf());
      expect(call.body.json).toEqual(before);
    }
  });
});

describe('where a request goes', () => {
  const hi = { messages: [{ role: 'user', content: 'Hi' }] };

  it('sends the key in a header of its own, never in the path', () => {
    const { request } = ask(hi).translation;
    expect(targetOf().provider.credentials[0]!.headers).toEqual({ 'x-goog-api-key': 'key-0123456789abcdef' });
    expect(request.method).toBe('POST');
    expect(request.headers).toEqual({
      'content-type': 'application/json',
      accept: 'application/json',
    });
  });

  it.each([
    ['models/gemini-2.5-flash', '/v1beta/models/gemini-2.5-flash:generateContent'],
    ['tunedModels/town-1', '/v1beta/tunedModels/town-1:generateContent'],
    ['gemini-2.5-flash', '/v1beta/models/gemini-2.5-flash:generateContent'],
  ])('takes the model %s as it is written', (model, path) => {
    expect(gemini.translate(callOf({ model: 'x', ...hi }), targetOf(model), contextOf())!.request.path).toBe(path);
  });

  it.each([
    ['../../v1/files', '/v1beta/models/%2E%2E%2F%2E%2E%2Fv1%2Ffiles:generateContent'],
    ['x?key=1#a', '/v1beta/models/x%3Fkey%3D1%23a:generateContent'],
    ['%00:evil', '/v1beta/models/%2500%3Aevil:generateContent'],
    ['..', '/v1beta/models/%2E%2E:generateContent'],
    ['\ud800', '/v1beta/models/%EF%BF%BD:generateContent'],
  ])('I11: encodes a model that would lead elsewhere: %j', (model, path) => {
    expect(gemini.translate(callOf({ model: 'x', ...hi }), targetOf(model), contextOf())!.request.path).toBe(path);
  });

  it('puts the configured query behind its own', () => {
    const provider = providerOf({ query: { trace: 'a b' } });
    expect(ask({ ...hi, stream: true }, targetOf(undefined, provider)).path).toBe(
      '/v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse&trace=a%20b',
    );
    expect(ask(hi, targetOf(undefined, provider)).path).toBe('/v1beta/models/gemini-3-flash-preview:generateContent?trace=a%20b');
  });

  it('speaks to Vertex AI below the publisher, with a bearer token', () => {
    const provider = vertexOf();
    const { request } = ask(hi, targetOf(undefined, provider)).translation;
    expect(request.path).toBe('/v1/projects/p1/locations/global/publishers/google/models/gemini-3-flash-preview:generateContent');
    expect(provider.credentials[0]!.headers).toEqual({ authorization: 'Bearer key-0123456789abcdef' });
  });

  it('asks for an uncompressed event stream', () => {
    const { headers } = ask({ ...hi, stream: true }).translation.request;
    expect(headers.accept).toBe('text/event-stream');
    expect(headers['accept-encoding']).toBe('identity');
  });

  it('does not speak the Responses API', () => {
    expect(gemini.translate(callOf(hi, { operation: 'responses' }), targetOf(), contextOf())).toBeNull();
  });
});
