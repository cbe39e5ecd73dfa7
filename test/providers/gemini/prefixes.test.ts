import { describe, expect, it } from 'vitest';
import { gemini } from '../../../providers/gemini/index.ts';
import { bytesOf, failureOf, providerOf, targetOf, translationOf, vertexOf } from './support.ts';

type Json = Record<string, unknown>;

const bodyOf = (request: { readonly body: Buffer | null }) => JSON.parse(request.body!.toString()) as Json;

describe('what the upstream keeps', () => {
  const { prefixes } = gemini;
  const provider = providerOf({ query: { a: 'b' } });

  it('is listed page by page', () => {
    expect(prefixes!.list(provider, null).path).toBe('/v1beta/cachedContents?pageSize=100&a=b');
    expect(prefixes!.list(provider, 'p/2').path).toBe('/v1beta/cachedContents?pageSize=100&pageToken=p%2F2&a=b');
    expect(prefixes!.listed(bytesOf({}))).toEqual({ prefixes: [], next: null });
    const listed = prefixes!.listed(
      bytesOf({ cachedContents: [{ name: 'cachedContents/a' }, { name: 'x' }, null], nextPageToken: 'n' }),
    );
    expect(listed).toEqual({
      prefixes: [{ name: 'cachedContents/a', model: '', tokens: 0, createdAt: 0, expiresAt: 0 }],
      next: 'n',
    });
    expect(failureOf(() => prefixes!.listed(bytesOf([]))).reason).toBe('protocol');
  });

  it('is removed and extended by name', () => {
    expect(prefixes!.remove(provider, 'cachedContents/a')).toMatchObject({
      method: 'DELETE',
      path: '/v1beta/cachedContents/a?a=b',
    });
    const extended = prefixes!.extend!(provider, 'cachedContents/a', 90_500);
    expect(extended).toMatchObject({ method: 'PATCH', path: '/v1beta/cachedContents/a?updateMask=ttl&a=b' });
    expect(bodyOf(extended)).toEqual({ ttl: '91s' });
    for (const name of ['models/x', 'cachedContents/../x', 'cachedContents/a?x', ''])
      expect(failureOf(() => prefixes!.remove(provider, name)).reason).toBe('invalid_request');
  });

  it('is beside the publishers on Vertex AI, with the whole name of the model', () => {
    const vertex = vertexOf();
    const name = 'projects/12/locations/global/cachedContents/9';
    expect(prefixes!.list(vertex, null).path).toBe('/v1/projects/p1/locations/global/cachedContents?pageSize=100');
    expect(prefixes!.remove(vertex, name).path).toBe(`/v1/${name}`);
    const messages = [
      { role: 'system', content: 'abc '.repeat(3000), cache_control: { type: 'ephemeral' } },
      { role: 'user', content: 'Hi' },
    ];
    const prefix = translationOf({ messages }, targetOf('gemini-2.5-flash', vertex)).prefix!;
    expect(bodyOf(prefix.create()).model).toBe('projects/p1/locations/global/publishers/google/models/gemini-2.5-flash');
    expect(prefix.create().path).toBe('/v1/projects/p1/locations/global/cachedContents');
    expect(bodyOf(prefix.using(name)).cachedContent).toBe(name);
  });
});
