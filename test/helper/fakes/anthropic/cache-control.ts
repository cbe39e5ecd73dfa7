import { type AnthropicError, invalid } from './errors.ts';
import { isObject } from './fields.ts';

export interface Marker {
  /** Path of the block that carries it; empty for the one of the whole request. */
  readonly path: string;
  readonly ttl: '5m' | '1h';
}

/** The markers in the order in which the API caches: tools, system, messages, then the one of the whole request. */
export function markersOf(body: Record<string, unknown>): Marker[] {
  const found: Marker[] = [];
  const look = (value: unknown, path: string) => {
    if (!isObject(value)) return;
    const control = value.cache_control;
    if (isObject(control)) found.push({ path, ttl: control.ttl === '1h' ? '1h' : '5m' });
  };
  const lookAll = (value: unknown, path: string) => {
    if (!Array.isArray(value)) return;
    for (const [index, entry] of value.entries()) {
      if (isObject(entry)) lookAll(entry.content, `${path}.${index}.content`);
      look(entry, `${path}.${index}`);
    }
  };
  lookAll(body.tools, 'tools');
  lookAll(body.system, 'system');
  lookAll(body.messages, 'messages');
  look(body, '');
  return found;
}

/** At most four, and none that lives longer after one that lives shorter. */
export function checkCacheControl(body: Record<string, unknown>): AnthropicError | null {
  const markers = markersOf(body);
  if (markers.length > 4) return invalid(`A maximum of 4 blocks with cache_control may be provided. Found ${markers.length}.`);
  let short = false;
  for (const { path, ttl } of markers) {
    if (ttl === '5m') short = true;
    else if (short) {
      return invalid(
        `${path === '' ? '' : `${path}.`}cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. ` +
          'Note that blocks are processed in the following order: `tools`, `system`, `messages`.',
      );
    }
  }
  return null;
}
