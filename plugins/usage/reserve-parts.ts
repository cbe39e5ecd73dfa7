import type { Call, CutString } from '../../providers/provider.ts';
import { type Medium, mediumOf } from './reserve-media.ts';

// What a call makes a model read, taken apart: one walk over its body, iterative, as the depth is the caller's choice.

export interface PromptParts {
  /** All that is read as text. */
  readonly texts: string[];
  /** Texts that were cut out of the body, by their places in its bytes. */
  readonly cut: CutString[];
  readonly media: Medium[];
  /** Definitions of functions, and the schema of the answer. */
  readonly tools: Definition[];
  readonly schemas: Definition[];
  /** Lists of definitions too long to be looked at one by one, by their places in the body. */
  readonly bulk: CutString[];
  /** Types of tools that the provider runs itself, and what else it reads that the call only names. */
  readonly hosted: string[];
  messages: number;
  calls: number;
  results: number;
  /** Token ids, one token each. */
  ids: number;
  /** Characters of the proofs that go back with tool calls: up to 2,000 of each, and beyond. */
  signatures: number;
  longSignatures: number;
  /** A call is asked for. */
  forced: boolean;
  /** How much to think is said. */
  thinking: boolean;
  /** What the caller marks to be kept by the provider, for minutes or longer: written, it may cost more than what is only read. */
  marked: 'no' | 'minutes' | 'longer';
}

export interface Definition {
  readonly name: unknown;
  readonly description: unknown;
  readonly schema: unknown;
}

type Json = Readonly<Record<string, unknown>>;

/** Members that hold no text for the model: names of things, and proofs that are opened by their issuer only. */
const silent: ReadonlySet<string> = new Set([
  'type',
  'role',
  'id',
  'call_id',
  'tool_call_id',
  'tool_use_id',
  'detail',
  'format',
  'status',
  'cache_control',
  'prompt_cache_breakpoint',
  'signature',
  'thought_signature',
  'extra_content',
  'annotations',
  'logprobs',
  'index',
]);
const results: ReadonlySet<unknown> = new Set([
  'function_call_output',
  'custom_tool_call_output',
  'computer_call_output',
  'local_shell_call_output',
  'mcp_call',
]);
const calls: ReadonlySet<unknown> = new Set(['function_call', 'custom_tool_call', 'computer_call', 'local_shell_call']);
/** Bytes of a list of tools above which it is measured as a whole. */
const bulk = 65_536;
/** Members that continue what only the provider has. */
const histories: ReadonlySet<string> = new Set(['previous_response_id', 'conversation', 'cachedContent', 'cached_content']);
/** Characters of a thought signature above which it costs more. */
const longSignature = 2_000;
/** Of opaque reasoning, per token of what it stands for; 9.5 recorded. */
const sealedCharacters = 8;

/** The parts of a call of any operation. Never throws, whatever the body holds. */
export function partsOf({ body, operation, kept }: Call): PromptParts {
  const { json } = body;
  const parts: PromptParts = {
    texts: [],
    cut: [],
    media: [],
    tools: [],
    schemas: [],
    bulk: [],
    hosted: [],
    messages: 0,
    calls: 0,
    results: 0,
    ids: 0,
    signatures: 0,
    longSignatures: 0,
    forced: false,
    thinking: false,
    marked: 'no',
  };
  if (operation === 'embeddings') {
    walk(json.input, parts, body);
    return parts;
  }
  walk(json.messages, parts, body);
  walk(json.input, parts, body);
  walk(json.prompt, parts, body);
  walk(json.instructions, parts, body);
  if (typeof json.input === 'string') parts.messages++;
  if (typeof json.instructions === 'string') parts.messages++;
  for (const { key, valueStart, valueEnd } of body.members) {
    if (key !== 'tools' && key !== 'functions') continue;
    if (valueEnd - valueStart > bulk) {
      parts.bulk.push({ start: valueStart, end: valueEnd, shown: 0 });
      for (const tool of Array.isArray(json[key]) ? json[key] : []) if (isObject(tool)) marks(tool, parts);
    } else tools(json[key], parts);
  }
  schema(isObject(json.response_format) ? json.response_format.json_schema : undefined, parts);
  schema(isObject(json.text) ? json.text.format : undefined, parts);
  ownWords(json, parts);
  if (typeof json.reasoning_effort === 'string') parts.thinking = true;
  for (const [, { signature, reasoning }] of kept) {
    addSignature(signature?.length ?? 0, parts);
    for (const { text: thought, redacted } of reasoning ?? []) {
      if (thought !== '') parts.texts.push(thought);
      parts.ids += Math.ceil((redacted?.length ?? 0) / sealedCharacters);
    }
  }
  const choice = json.tool_choice ?? json.function_call;
  parts.forced = parts.tools.length + parts.bulk.length > 0 && (choice === 'required' || choice === 'any' || isObject(choice));
  return parts;
}

/** What the caller says in a provider's own words, in an object of its name. */
function ownWords(json: Json, parts: PromptParts): void {
  marks(json, parts);
  for (const key in json) {
    const value = json[key];
    if (histories.has(key) && (typeof value === 'string' || isObject(value))) parts.hosted.push('history');
    if (!isObject(value)) continue;
    if (key === 'thinking') parts.thinking = value.type !== 'disabled';
    if (key === 'reasoning') parts.thinking = value.enabled !== false && value.effort !== 'none';
    if (key === 'web_search_options') parts.hosted.push('web_search');
    for (const words of [value, ...Object.values(value)]) {
      if (!isObject(words)) continue;
      marks(words, parts);
      if (Array.isArray(words.tools)) tools(words.tools, parts);
      for (const held of histories) if (typeof words[held] === 'string') parts.hosted.push('history');
      if (Array.isArray(words.mcp_servers)) for (let at = 0; at < words.mcp_servers.length; at++) parts.hosted.push('mcp');
      if (isObject(words.thinking)) parts.thinking = words.thinking.type !== 'disabled';
    }
  }
}

function tools(list: unknown, parts: PromptParts): void {
  if (!Array.isArray(list)) return;
  for (const tool of list) {
    if (!isObject(tool)) continue;
    marks(tool, parts);
    const own = isObject(tool.function) ? tool.function : isObject(tool.custom) ? tool.custom : tool;
    const parameters = own.parameters ?? own.input_schema ?? own.format;
    if (own !== tool || parameters !== undefined || tool.type === 'function' || tool.type === undefined) {
      if (typeof own.name === 'string') {
        parts.tools.push({ name: own.name, description: own.description, schema: parameters });
        continue;
      }
    }
    if (Array.isArray(tool.tools)) tools(tool.tools, parts);
    // One that has no type is an object with one member, which names it.
    const name = typeof tool.type === 'string' ? tool.type : Object.keys(tool)[0];
    if (name !== undefined) parts.hosted.push(name.slice(0, 64));
  }
}

/** Marks at which a provider begins to keep the prompt: on messages, their parts, tools, and for the whole call. */
function marks(value: Json, parts: PromptParts): void {
  const own = isObject(value.function) ? value.function : isObject(value.custom) ? value.custom : value;
  for (const mark of [value.cache_control, own.cache_control, value.prompt_cache_breakpoint]) {
    if (!isObject(mark)) continue;
    if (typeof mark.ttl === 'string' && mark.ttl !== '5m') parts.marked = 'longer';
    else if (parts.marked === 'no') parts.marked = 'minutes';
  }
}

function schema(format: unknown, parts: PromptParts): void {
  if (!isObject(format) || format.schema === undefined) return;
  parts.schemas.push({ name: format.name, description: format.description, schema: format.schema });
}

function walk(root: unknown, parts: PromptParts, body: Call['body']): void {
  const rest: unknown[] = [root];
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value === 'string') text(value, parts, body);
    else if (typeof value === 'number') parts.ids++;
    else if (Array.isArray(value)) {
      for (const each of value) {
        if (typeof each === 'number') parts.ids++;
        else rest.push(each);
      }
    } else if (isObject(value)) object(value, rest, parts, body);
  }
}

function text(value: string, parts: PromptParts, body: Call['body']): void {
  const cut = body.cut?.get(value);
  if (value.startsWith('data:') && value.slice(0, 200).includes(';base64,')) parts.media.push(mediumOf('', value, body, null));
  else if (cut !== undefined) parts.cut.push(cut);
  else if (value !== '') parts.texts.push(value);
}

function object(value: Json, rest: unknown[], parts: PromptParts, body: Call['body']): void {
  if (value.cache_control !== undefined || value.prompt_cache_breakpoint !== undefined) marks(value, parts);
  const medium = mediumPart(value, body);
  if (medium !== null) {
    parts.media.push(medium);
    return;
  }
  if (typeof value.role === 'string') parts.messages++;
  if (value.role === 'tool' || value.role === 'function' || results.has(value.type)) parts.results++;
  if (calls.has(value.type) || isObject(value.function_call)) parts.calls++;
  if (Array.isArray(value.tool_calls)) parts.calls += value.tool_calls.length;
  for (const key in value) {
    const each = value[key];
    if (key === 'extra_content') signatures(each, parts, body);
    if (silent.has(key)) continue;
    if (key === 'encrypted_content') {
      if (typeof each !== 'string') continue;
      const sealed = body.cut?.get(each);
      parts.ids += Math.ceil((sealed === undefined ? each.length : sealed.end - sealed.start) / sealedCharacters);
    } else rest.push(each);
  }
}

/** Thought signatures as clients carry them: below an object of the provider's name. */
function signatures(extra: unknown, parts: PromptParts, body: Call['body']): void {
  if (!isObject(extra)) return;
  for (const key in extra) {
    const own = extra[key];
    const signature = isObject(own) ? own.thought_signature : undefined;
    if (typeof signature !== 'string') continue;
    const cut = body.cut?.get(signature);
    addSignature(cut === undefined ? signature.length : cut.end - cut.start, parts);
  }
}

function addSignature(length: number, parts: PromptParts): void {
  parts.signatures += Math.min(length, longSignature);
  parts.longSignatures += Math.max(0, length - longSignature);
}

const partMembers: Readonly<Record<string, readonly [kind: Medium['kind'] | '', member: string]>> = {
  image_url: ['image', 'image_url'],
  input_image: ['image', 'image_url'],
  image_file: ['image', 'image_file'],
  input_audio: ['audio', 'input_audio'],
  audio_url: ['audio', 'audio_url'],
  video_url: ['video', 'video_url'],
  input_video: ['video', 'video_url'],
  file: ['', 'file'],
  input_file: ['', 'file_data'],
};

/** The medium that a part is; null for a part that is text, or of an unknown kind. */
function mediumPart(part: Json, body: Call['body']): Medium | null {
  const known = typeof part.type === 'string' && Object.hasOwn(partMembers, part.type) ? partMembers[part.type]! : null;
  if (known === null) return null;
  const [kind, member] = known;
  const held = part[member] ?? part.file_url ?? part.file_id;
  const inner = isObject(held) ? held : part;
  const source =
    typeof held === 'string' ? held : (inner.url ?? inner.data ?? inner.file_data ?? inner.file_url ?? inner.file_id);
  const detail = inner.detail ?? part.detail;
  return mediumOf(kind, typeof source === 'string' ? source : '', body, typeof detail === 'string' ? detail : null);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
