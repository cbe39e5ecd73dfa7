import type { Call, Target, UpstreamRequest } from '../../provider.ts';
import { isObject } from '../../wire/json.ts';
import { type Edit, spliceMembers } from '../../wire/members.ts';

const PATHS = { chat: '/chat/completions', embeddings: '/embeddings', responses: '/responses' } as const;

/**
 * The caller's body as this target gets it: only `model` (when it differs), `stream_options` of streams, the dropped members and the configured renames change; every other byte is the caller's own.
 */
export function passthroughRequest(call: Call, target: Target): UpstreamRequest {
  const { provider } = target;
  const { json, bytes, members } = call.body;
  const edits: Edit[] = [];
  if (json.model !== target.model) edits.push({ key: 'model', value: JSON.stringify(target.model) });
  if (call.operation === 'chat' && call.stream) edits.push(...streamOptions(json.stream_options, provider.config.stream_usage));
  for (const key of call.dropped) if (Object.hasOwn(json, key)) edits.push({ key, remove: true });
  for (const [from, to] of Object.entries(provider.config.renames ?? {})) {
    if (
      !Object.hasOwn(json, from) ||
      Object.hasOwn(json, to) ||
      edits.some((edit) => edit.key === from || ('rename' in edit && edit.rename === to))
    )
      continue;
    edits.push({ key: from, rename: to });
  }
  return {
    method: 'POST',
    path: `${provider.path}${PATHS[call.operation]}${provider.query}`,
    headers: requestHeaders(provider.headers, call.stream),
    body: spliceMembers(bytes, members, edits),
  };
}

/** Usage is always asked for; an upstream that refuses the field (Mistral: 422) is not sent it, whoever put it there. */
function streamOptions(options: unknown, accepted: boolean | undefined): readonly Edit[] {
  if (accepted === false) return options === undefined ? [] : [{ key: 'stream_options', remove: true }];
  if (isObject(options) && options.include_usage === true) return [];
  return [{ key: 'stream_options', value: JSON.stringify({ ...(isObject(options) ? options : {}), include_usage: true }) }];
}

/** The provider's own headers with what a JSON request adds to them. */
export function requestHeaders(headers: Readonly<Record<string, string>>, stream: boolean): Readonly<Record<string, string>> {
  // A compressed event stream is held back by the compressor's buffer, so streams ask for none.
  return stream
    ? { ...headers, 'content-type': 'application/json', accept: 'text/event-stream', 'accept-encoding': 'identity' }
    : { ...headers, 'content-type': 'application/json', accept: 'application/json' };
}
