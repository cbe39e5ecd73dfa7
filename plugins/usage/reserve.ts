import { LRUCache } from 'lru-cache';
import { providerTypes } from '../../providers/index.ts';
import type { Call, ModelInfo } from '../../providers/provider.ts';
import type { DefinitionTokens, TokenRules } from '../../providers/tokens.ts';
import type { Medium } from './reserve-media.ts';
import { type Definition, type PromptParts, partsOf } from './reserve-parts.ts';
import { definitionWords, shapeOf } from './reserve-schema.ts';
import { type TextTokens, textTokens } from './reserve-text.ts';
import { type Encoding, encodings, loadTokenizer } from './tokenizer.ts';

// What is held on budgets for a call before it is sent: rather too much than too little. What is charged is what was counted.

const rules: readonly TokenRules[] = providerTypes.flatMap(({ tokens }) => tokens ?? []);
const known = new LRUCache<string, TokenRules>({ max: 1000 });
/** Tokens of text up to which the recordings tell how a vocabulary counts. */
const wellKnown = 400;
/** Of a tool of the provider's that nothing is known of. */
const unknownTool = 4_000;
/** Taken for media that only the provider sees. */
const unseenPages = 8;
const unseenSeconds = 60;
/** Bytes of a text that is sent as a file, per token. */
const textFileBytes = 3;

/**
 * Loads vocabularies in the background, so that the first calls are counted too; by default the one that nearly all models need, the
 * others are loaded when first asked for. Rejects when a file cannot be read.
 */
export async function prepareReservations(wanted: readonly Encoding[] = [encodings[0]]): Promise<void> {
  for (const encoding of wanted) await loadTokenizer(encoding);
}

/**
 * Input tokens of a call, to be held on budgets before it is sent: rather too many than too few; integer, at least 1. `models`:
 * upstream ids it may go to, of which the dearest in tokens counts. At most a few milliseconds whatever the call holds. Loads the
 * vocabularies when first asked; until they are there, counts bytes.
 */
export function reserveInput(call: Call, models: readonly string[]): number {
  const input = new InputReservation(call);
  let most = 1;
  for (const model of models.length === 0 ? [''] : models) most = Math.max(most, input.at(model).tokens);
  return most;
}

/** Input of one call at one model. Integers. */
export interface ReservedInput {
  /** All of it; at least 1. */
  readonly tokens: number;
  /** Tokens of media among them, by what they are priced as; null for none. */
  readonly media: Readonly<Partial<Record<InputMedium, number>>> | null;
}

type InputMedium = 'input_audio' | 'input_image' | 'input_video';
const mediumKinds: Readonly<Partial<Record<Medium['kind'], InputMedium>>> = {
  audio: 'input_audio',
  image: 'input_image',
  video: 'input_video',
};

/** The same for a call whose targets are asked for one by one: the call is taken apart once, and counted once for each way of counting. */
export class InputReservation {
  /** As what all of the input may be priced because the caller marks it to be kept; null: nothing is marked. */
  readonly writes: 'cache_write_5m' | 'cache_write_1h' | null;
  readonly #prompt: Prompt;
  readonly #counted = new Map<TokenRules, ReservedInput>();

  constructor(call: Call) {
    const parts = partsOf(call);
    this.writes = parts.marked === 'no' ? null : parts.marked === 'minutes' ? 'cache_write_5m' : 'cache_write_1h';
    this.#prompt = new Prompt(call, parts);
  }

  /** `model`: upstream id. */
  at(model: string): ReservedInput {
    const family = rulesOf(model);
    let counted = this.#counted.get(family);
    if (counted === undefined) {
      counted = { tokens: this.#prompt.tokens(family), media: this.#prompt.media(family) };
      this.#counted.set(family, counted);
    }
    return counted;
  }
}

function rulesOf(model: string): TokenRules {
  let found = known.get(model);
  if (found === undefined) {
    const name = model.toLowerCase();
    found = rules.find((family) => family.models.test(name))!;
    known.set(model, found);
  }
  return found;
}

/** The texts of one call, each counted once per vocabulary. */
class Prompt {
  readonly #call: Call;
  readonly #parts: PromptParts;
  readonly #texts = new Map<string, TextTokens>();

  constructor(call: Call, parts: PromptParts) {
    this.#call = call;
    this.#parts = parts;
  }

  tokens(family: TokenRules): number {
    const parts = this.#parts;
    let tokens = parts.ids + weighted(this.#count('texts', family), family);
    if (this.#call.operation !== 'embeddings') {
      tokens += family.request + parts.messages * family.message + parts.calls * family.call + parts.results * family.result;
      if (parts.thinking) tokens += family.thinking;
      tokens += parts.signatures * family.signature + parts.longSignatures * family.longSignature;
      if (parts.tools.length + parts.bulk.length > 0 && parts.forced) tokens += family.forced;
      tokens += this.#definitions('tools', parts.tools, family.tools, family);
      tokens += this.#definitions('schemas', parts.schemas, family.schema, family);
      for (const medium of parts.media) tokens += mediumTokens(medium, family);
      for (const name of parts.hosted) tokens += hostedTokens(name, family);
    }
    return Math.max(1, Math.min(Math.ceil(tokens), family.context));
  }

  media(family: TokenRules): ReservedInput['media'] {
    if (this.#parts.media.length === 0) return null;
    const sums: Partial<Record<InputMedium, number>> = {};
    for (const medium of this.#parts.media) {
      const kind = mediumKinds[medium.kind];
      if (kind !== undefined) sums[kind] = Math.min(Math.ceil((sums[kind] ?? 0) + mediumTokens(medium, family)), family.context);
    }
    return sums;
  }

  #definitions(kind: 'tools' | 'schemas', list: readonly Definition[], rates: DefinitionTokens, family: TokenRules): number {
    const bulk = kind === 'tools' ? this.#parts.bulk.length : 0;
    if (list.length + bulk === 0) return 0;
    let tokens = rates.any + list.length * rates.each;
    if (rates.json > 0) tokens += weighted(this.#count(`${kind} json`, family), family) * (rates.json / family.ascii);
    if (rates.words > 0) tokens += weighted(this.#count(`${kind} words`, family), family) * (rates.words / family.ascii);
    if (rates.node > 0) {
      for (const { schema } of list) {
        const { nodes, nested, described } = shapeOf(schema);
        tokens += nodes * rates.node + nested * rates.nested + described * rates.described;
      }
    }
    return tokens;
  }

  #count(what: 'texts' | `${'tools' | 'schemas'} ${'json' | 'words'}`, { encoding }: TokenRules): TextTokens {
    const key = `${encoding} ${what}`;
    let counted = this.#texts.get(key);
    if (counted === undefined) {
      const { texts, cut, bulk } = this.#parts;
      const { bytes } = this.#call.body;
      if (what === 'texts') counted = textTokens(encoding, texts, cut, bytes);
      else {
        const [kind, form] = what.split(' ') as ['tools' | 'schemas', 'json' | 'words'];
        const list = this.#parts[kind];
        const written = form === 'json' ? list.map((each) => JSON.stringify(each)) : list.flatMap(definitionWords);
        counted = textTokens(encoding, written, kind === 'tools' ? bulk : [], bytes);
      }
      this.#texts.set(key, counted);
    }
    return counted;
  }
}

function weighted({ ascii, other, digits }: TextTokens, family: TokenRules): number {
  const tokens = ascii * family.ascii + other * family.other + digits * family.digit;
  return tokens + Math.max(0, tokens - wellKnown) * family.spread;
}

function mediumTokens({ kind, size, detail, seconds, pages, bytes }: Medium, family: TokenRules): number {
  switch (kind) {
    case 'image':
      return family.image(size, detail);
    case 'audio':
      return Math.max(1, seconds ?? unseenSeconds) * family.audioSecond;
    case 'video':
      return Math.max(1, seconds ?? unseenSeconds) * family.videoSecond;
    case 'text':
      return bytes / textFileBytes;
    default:
      return (pages ?? unseenPages) * family.page;
  }
}

/** By the longest name that a type begins with; names are compared as `snake_case`. */
function hostedTokens(type: string, { hosted }: TokenRules): number {
  const written = type.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  let tokens = unknownTool;
  let length = 0;
  for (const name in hosted) {
    if (name.length <= length || !written.startsWith(name)) continue;
    tokens = hosted[name]!;
    length = name.length;
  }
  return tokens;
}

/** More than any model generates, and than the schemas of calls take. */
const mostOutput = 10_000_000;
/** As the schema of chats has it (`n`). */
const mostAnswers = 128;

/**
 * Output tokens that a call may be answered with, to be held on budgets before it is sent: what it allows (by whichever name allows
 * most), else `assumed`, but not more than the model generates; for each of the answers it asks for. Integer, at least 1; 0 for
 * embeddings.
 */
export function outputBound(call: Call, info: ModelInfo | undefined, assumed: number): number {
  if (call.operation === 'embeddings') return 0;
  const { json } = call.body;
  const answers = Math.min(count(json.n) ?? 1, mostAnswers);
  const allowed = Math.max(
    count(json.max_completion_tokens) ?? 0,
    count(json.max_output_tokens) ?? 0,
    count(json.max_tokens) ?? 0,
  );
  const able = count(info?.maxOutputTokens) ?? mostOutput;
  return Math.min(allowed === 0 ? (count(assumed) ?? mostOutput) : allowed, able, mostOutput) * answers;
}

/** `value` where it is a number of at least 1, made whole. */
function count(value: unknown): number | null {
  return typeof value === 'number' && value >= 1 ? Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER) : null;
}
