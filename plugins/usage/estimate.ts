import type { CallBody, Operation } from '../../providers/provider.ts';

// Token estimates for attempts whose provider gave no usage. No tokenizer: counts characters by class. Measured error and
// method: docs/accounting.md.

/** Tokens of one media part, whatever its size: about a high-detail image. Its base64 is not read. */
export const mediaTokens = 1000;
/** Tokens around each message: role and separators. */
const messageTokens = 4;
/** Tokens that start the answer. */
const requestTokens = 3;
/** Tool definitions and schemas are JSON: bytes per token. */
const jsonBytesPerToken = 4;

/** Tokens per UTF-16 unit. */
const latin = 0.25;
const otherAlphabet = 0.4;
const ideograph = 0.8;

/** Members that hold no text of the prompt. */
const structural: ReadonlySet<string> = new Set(['type', 'role', 'id', 'call_id', 'tool_call_id', 'detail', 'format', 'status']);
const mediaTypes: ReadonlySet<unknown> = new Set(['image_url', 'input_image', 'input_audio', 'video_url', 'file', 'input_file']);
/** Parts of a body that are definitions rather than text. */
const definitions: ReadonlySet<string> = new Set(['tools', 'functions', 'response_format', 'text']);
const prompts: ReadonlySet<string> = new Set(['messages', 'input', 'instructions', 'prompt']);

/** Tokens of a text, not rounded. One pass, no allocation; ASCII does not even take that. */
export function textTokens(text: string): number {
  const length = text.length;
  // Native and vectorised: equal lengths mean ASCII.
  if (Buffer.byteLength(text) === length) return length * latin;
  let tokens = 0;
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x250) tokens += latin;
    else if (unit < 0x2e80) tokens += otherAlphabet;
    else tokens += ideograph;
  }
  return tokens;
}

/** RFC 2397, with base64. A text may start with `data:` as well. */
function isDataUrl(text: string): boolean {
  return text.startsWith('data:') && text.slice(0, 200).includes(';base64,');
}

/** Tokens of text, and of parts, below a value. Iterative: the depth of a body is the caller's choice. */
function promptTokens(root: unknown, cut: CallBody['cut']): number {
  let tokens = 0;
  const rest: unknown[] = [root];
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value === 'string') tokens += isDataUrl(value) ? mediaTokens : (cutTokens(value, cut) ?? textTokens(value));
    else if (Array.isArray(value)) for (const item of value) rest.push(item);
    else if (typeof value === 'object' && value !== null) {
      const part = value as Readonly<Record<string, unknown>>;
      if (mediaTypes.has(part.type)) {
        tokens += mediaTokens;
        continue;
      }
      if (part.role !== undefined) tokens += messageTokens;
      for (const key in part) if (!structural.has(key)) rest.push(part[key]);
    } else if (typeof value === 'number') tokens++;
  }
  return tokens;
}

/** A text that was cut out before the parse: its length is known, its script is not. */
function cutTokens(value: string, cut: CallBody['cut']): number | null {
  const original = cut?.get(value);
  return original === undefined ? null : (original.end - original.start) * latin;
}

/** Texts count their characters, token ids one each. */
function embeddingTokens(input: unknown, cut: CallBody['cut']): number {
  if (!Array.isArray(input)) return promptTokens(input, cut);
  let tokens = 0;
  for (const item of input) tokens += typeof item === 'number' ? 1 : Array.isArray(item) ? item.length : promptTokens(item, cut);
  return tokens;
}

/** Input tokens of a call, at least 1. Time grows with the text, not with the bytes of images or sounds. */
export function estimateInput(body: CallBody, operation: Operation): number {
  if (operation === 'embeddings') return Math.max(1, Math.ceil(embeddingTokens(body.json.input, body.cut)));
  let tokens = requestTokens;
  for (const member of body.members) {
    if (prompts.has(member.key)) tokens += promptTokens(body.json[member.key], body.cut);
    else if (definitions.has(member.key)) tokens += (member.valueEnd - member.valueStart) / jsonBytesPerToken;
  }
  return Math.max(1, Math.ceil(tokens));
}

/** Tokens per generated UTF-16 unit: between `latin` and what code and JSON need. */
const outputTokensPerUnit = 0.26;

/** Output tokens of `characters` UTF-16 units of generated content, whose script is not known; 0 only for 0. */
export function estimateOutput(characters: number): number {
  return Math.ceil(Math.max(0, characters) * outputTokensPerUnit);
}
