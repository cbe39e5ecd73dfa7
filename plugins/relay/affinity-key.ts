import { crc32 } from 'node:zlib';
import type { Call, CallBody } from '../../providers/provider.ts';
import type { TargetGroup } from '../router/index.ts';

/** What a model goes by where its configuration says nothing: callers who send the key ask for it. */
const byDefault = ['prompt_cache_key'] as const;
/** Strategies that keep to the best target by themselves: calls spread by a key would go to the others as well. */
const keepToTheBest: ReadonlySet<string> = new Set(['priority', 'least-cost', 'score']);
const none = [] as const;
/** Bytes or characters of each text that are looked at; providers cache from about 1,024 tokens on. */
const looked = 16_384;
/** Leading messages that are looked at: those before the first turn of the model. */
const leading = 8;

type Json = Readonly<Record<string, unknown>>;

/** Members whose value names what a call belongs to, and the number its hash begins with. `user` has a newer name. */
const named = { prompt_cache_key: ['prompt_cache_key'], user: ['user', 'safety_identifier'] } as const;
const seeds = { prompt_cache_key: crc32('prompt_cache_key'), user: crc32('user'), prefix: crc32('prefix') } as const;

/**
 * 32 bits that calls have in common which should go to the same target; null when a call belongs nowhere. CRC-32, because zlib's is
 * fast: 10 kB of text take 2 us, where a loop over its characters took 17 (Node 26.10).
 */
export function affinityKey({ body, operation }: Call, { config, strategy }: TargetGroup): number | null {
  for (const by of config?.affinity ?? (keepToTheBest.has(strategy) ? none : byDefault)) {
    const key = by === 'prefix' ? (operation === 'embeddings' ? null : prefixKey(body)) : namedKey(body, by);
    if (key !== null) return key;
  }
  return null;
}

function namedKey(body: CallBody, by: keyof typeof named): number | null {
  for (const member of named[by]) {
    const value = body.json[member];
    if (typeof value === 'string' && value !== '') return hashed(body, value, seeds[by]);
  }
  return null;
}

/** Tools, instructions and the messages up to the first of the user, with it: what a conversation keeps from turn to turn. */
function prefixKey(body: CallBody): number | null {
  const { instructions, input } = body.json;
  const messages = body.json.messages ?? input;
  const hash = typeof instructions === 'string' ? hashed(body, instructions, toolsHash(body)) : toolsHash(body);
  if (typeof messages === 'string') return hashed(body, messages, hash);
  if (!Array.isArray(messages) || messages.length === 0) return hash === seeds.prefix ? null : hash;
  return messagesHash(body, messages as readonly (Json | null)[], hash);
}

function messagesHash(body: CallBody, messages: readonly (Json | null)[], start: number): number {
  let hash = start;
  for (let at = 0; at < messages.length && at < leading; at++) {
    const message = messages[at];
    if (typeof message !== 'object' || message === null) continue;
    const { role, content } = message;
    if (typeof role === 'string') hash = hashed(body, role, hash);
    hash = contentHash(body, content, hash);
    if (role === 'user') return hash;
  }
  return hash;
}

/** A text, or the texts and links of its parts. */
function contentHash(body: CallBody, content: unknown, start: number): number {
  if (typeof content === 'string') return hashed(body, content, start);
  if (!Array.isArray(content)) return start;
  let hash = start;
  for (let at = 0; at < content.length && at < leading; at++) {
    const part = content[at] as Json | null;
    if (typeof part !== 'object' || part === null) continue;
    const link = part.image_url;
    const text = part.text ?? (typeof link === 'object' && link !== null ? (link as Json).url : link);
    if (typeof text === 'string') hash = hashed(body, text, hash);
  }
  return hash;
}

function toolsHash({ bytes, members, json }: CallBody): number {
  if (!Array.isArray(json.tools) || json.tools.length === 0) return seeds.prefix;
  const { valueStart, valueEnd } = members.find(({ key }) => key === 'tools')!;
  return crc32(bytes.subarray(valueStart, Math.min(valueEnd, valueStart + looked)), seeds.prefix);
}

/** Of a text that was cut out, what was sent: its stand-in differs with its place in the body. */
function hashed({ bytes, cut }: CallBody, text: string, start: number): number {
  const long = cut?.get(text);
  if (long !== undefined) return crc32(bytes.subarray(long.start, Math.min(long.end, long.start + looked)), start);
  return crc32(text.length > looked ? text.slice(0, looked) : text, start);
}
