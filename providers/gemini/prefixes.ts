import type { PrefixKeeping } from '../prefix.ts';
import type { ProviderInstance } from '../provider.ts';
import { isObject, parseBody, protocolError, refuse, textOf } from '../wire/json.ts';
import { geminiFailure } from './failure.ts';
import { cachedContentPath, cachedContentsPath, headersOf } from './paths.ts';
import { CACHED_NAME, durationOf, keptPrefix } from './prefix.ts';

const PAGE = 100;

/** Cached contents as administrators see them: those of the credential, whoever made them. */
export const prefixes: PrefixKeeping = {
  list: (provider, page) => ({
    method: 'GET',
    path: cachedContentsPath(
      provider,
      `pageSize=${PAGE}${page === null ? '' : `&pageToken=${encodeURIComponent(page.toWellFormed())}`}`,
    ),
    headers: headers(provider),
    body: null,
  }),
  listed(bytes) {
    const body = parseBody(bytes);
    if (!isObject(body)) return protocolError('The provider answered without a list of cached contents.');
    const list = Array.isArray(body.cachedContents) ? body.cachedContents : [];
    return {
      // Resources that cannot be named cannot be used or removed either.
      prefixes: list.map(keptPrefix).filter((each) => each !== null),
      next: textOf(body.nextPageToken),
    };
  },
  remove(provider, name) {
    if (!CACHED_NAME.test(name)) return refuse('This is not the name of a cached content.', 'name');
    return { method: 'DELETE', path: cachedContentPath(provider, name), headers: headers(provider), body: null };
  },
  extend(provider, name, ttlMs) {
    if (!CACHED_NAME.test(name)) return refuse('This is not the name of a cached content.', 'name');
    return {
      method: 'PATCH',
      path: cachedContentPath(provider, name, 'updateMask=ttl'),
      headers: headersOf(provider, false),
      body: Buffer.from(JSON.stringify({ ttl: durationOf(ttlMs) })),
    };
  },
  // The head of a request is not known here; nothing in these messages is a credential but what looks like one.
  failure: (head, bytes) => geminiFailure(head, bytes, []),
};

function headers(provider: ProviderInstance) {
  return { ...provider.headers, accept: 'application/json' };
}
