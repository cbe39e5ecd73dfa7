import type { HeaderMap, ProviderInstance, Target } from '../provider.ts';

/**
 * Whether the base URL is that of Vertex AI (`…/projects/P/locations/L/publishers/google`), where models, cached contents and
 * some fields are addressed differently.
 */
export function isVertex(provider: ProviderInstance): boolean {
  return provider.path.includes('/publishers/');
}

/** A model's resource name below the base URL: `models/x` unless it is written with its collection already. */
function resourceOf(model: string): string {
  return /^(?:models|tunedModels)\//.test(model) ? model : `models/${model}`;
}

/** The model's id as the catalogue has it, without the collection. */
export function idOf(resource: string): string {
  return resource.startsWith('tunedModels/') ? resource : resource.slice(resource.lastIndexOf('/') + 1);
}

/** Encoded segment by segment: a caller may choose the name, so no `..`, `?` or `%` in it may mean anything in the path. */
function encodePath(name: string): string {
  return name
    .toWellFormed()
    .split('/')
    .map((segment) => (/^\.+$/.test(segment) ? '%2E'.repeat(segment.length) : encodeURIComponent(segment)))
    .join('/');
}

/** Absolute path of a method of the target's model, with the configured query behind `query` (`alt=sse`). */
export function methodPath(target: Target, method: string, query = ''): string {
  const { provider } = target;
  const resource = resourceOf(target.model);
  const slash = resource.indexOf('/');
  // Everything behind the collection is one name: a slash in it is a part of it.
  const name = encodePath(resource.slice(slash + 1)).replaceAll('/', '%2F');
  return `${provider.path}/${resource.slice(0, slash)}/${name}:${method}${withQuery(provider, query)}`;
}

/** The model as a cached content or an embedding names it: with its collection, on Vertex AI with all that is before that. */
export function modelName(target: Target): string {
  const resource = resourceOf(target.model);
  if (!isVertex(target.provider)) return resource;
  return `${resourcePath(target.provider)}/${resource}`;
}

/** `projects/P/locations/L/publishers/google` of a Vertex AI base URL, without the version in front of it. */
function resourcePath(provider: ProviderInstance): string {
  return provider.path.slice(provider.path.indexOf('/projects/') + 1);
}

/** Absolute path of the collection of cached contents, or of one in it. */
export function cachedContentsPath(provider: ProviderInstance, query = ''): string {
  return `${collectionBase(provider)}/cachedContents${withQuery(provider, query)}`;
}

/** Absolute path of one cached content by its name, which is one of `CACHED_NAME`. */
export function cachedContentPath(provider: ProviderInstance, name: string, query = ''): string {
  const base = name.startsWith('projects/')
    ? provider.path.slice(0, provider.path.indexOf('/projects/'))
    : collectionBase(provider);
  return `${base}/${encodePath(name)}${withQuery(provider, query)}`;
}

/** On Vertex AI cached contents are beside the publishers. */
function collectionBase(provider: ProviderInstance): string {
  const publishers = provider.path.indexOf('/publishers/');
  return publishers === -1 ? provider.path : provider.path.slice(0, publishers);
}

/** The configured query with `query` in front of it. */
export function withQuery(provider: ProviderInstance, query: string): string {
  if (query === '') return provider.query;
  return provider.query === '' ? `?${query}` : `?${query}&${provider.query.slice(1)}`;
}

/** The provider's headers with what a JSON request adds to them. */
export function headersOf(provider: ProviderInstance, stream: boolean): HeaderMap {
  // A compressed event stream is held back by the compressor's buffer, so streams ask for none.
  return stream
    ? { ...provider.headers, 'content-type': 'application/json', accept: 'text/event-stream', 'accept-encoding': 'identity' }
    : { ...provider.headers, 'content-type': 'application/json', accept: 'application/json' };
}
