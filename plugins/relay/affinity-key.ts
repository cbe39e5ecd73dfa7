import type { Call } from '../../providers/provider.ts';
import { hashText } from '../router/affinity.ts';
import type { TargetGroup } from '../router/index.ts';

/** What a model goes by where its configuration says nothing: callers who send the key ask for it. */
const byDefault = ['prompt_cache_key'] as const;
/** Characters of each message that are looked at; providers cache from 1,024 tokens on. */
const looked = 4_096;
/** Leading messages that are looked at: those before the first turn of the model. */
const leading = 8;

type Json = Readonly<Record<string, unknown>>;

/** 32 bits that calls have in common which should go to the same target; null when a call belongs nowhere. */
export function affinityKey({ body: { json } }: Call, group: TargetGroup): number | null {
  for (const by of group.config?.affinity ?? byDefault) {
    if (by === 'prefix') return prefixKey(json);
    const value = json[by];
    if (typeof value === 'string' && value !== '') return hashText(value.slice(0, looked), hashText(by));
  }
  return null;
}

/** Tools, instructions and the messages up to the first user's: what a conversation keeps from turn to turn. */
function prefixKey(json: Json): number | null {
  const messages = Array.isArray(json.messages) ? json.messages : Array.isArray(json.input) ? json.input : [];
  let hash = hashText('prefix');
  if (Array.isArray(json.tools)) hash = hashText(JSON.stringify(json.tools).slice(0, looked), hash);
  if (typeof json.instructions === 'string') hash = hashText(json.instructions.slice(0, looked), hash);
  if (typeof json.input === 'string') return hashText(json.input.slice(0, looked), hash);
  for (const message of (messages as readonly (Json | null)[]).slice(0, leading)) {
    if (typeof message !== 'object' || message === null) continue;
    hash = hashText(textOf(message.content).slice(0, looked), hashText(String(message.role), hash));
    if (message.role === 'user') return hash;
  }
  return messages.length === 0 ? null : hash;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as readonly (Json | null)[]).map((part) => (typeof part?.text === 'string' ? part.text : '')).join('');
}
