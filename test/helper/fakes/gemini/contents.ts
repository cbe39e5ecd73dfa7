import { type GeminiError, geminiError, invalid } from './errors.ts';
import { mimeError } from './mime.ts';
import type { GeminiModel } from './models.ts';
import type { Canonical } from './proto.ts';
import { isIssued, isSentinel } from './signatures.ts';

export interface ContentOptions {
  readonly api: 'gemini' | 'vertex';
  readonly model: string;
  readonly family: GeminiModel;
  /** Accept signatures that the fake did not issue: those of recorded requests. */
  readonly trustSignatures: boolean;
  /** Hosts whose files the service may not fetch, by their robots.txt. */
  readonly robotedHosts: readonly string[];
}

interface Turn {
  readonly role: 'user' | 'model';
  readonly contents: { readonly index: number; readonly parts: readonly Canonical[] }[];
}

const dataFields = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
];

/** Roles, parts, the order of turns and the signatures of `contents`; `where` is the proto path before `contents`. */
export function checkContents(contents: readonly Canonical[], where: string, options: ContentOptions): GeminiError | null {
  if (contents.length === 0) return invalid(`* ${where}contents: contents is not specified\n`);
  for (const [index, content] of contents.entries()) {
    const error = checkContent(content, `${where}contents[${index}]`, options);
    if (error !== null) return error;
  }
  const turns = turnsOf(contents);
  return checkOrder(turns, options) ?? checkSignatures(turns, options);
}

/** One content of its own: a system instruction, or what is to be embedded. */
export function checkContent(content: Canonical, path: string, options: ContentOptions): GeminiError | null {
  const role = content.role;
  if (role !== undefined && role !== '' && role !== 'user' && role !== 'model')
    return invalid('Please use a valid role: user, model.');
  const parts = partsOf(content);
  if (parts.length === 0) return invalid(`* ${path}.parts: contents.parts must not be empty.\n`);
  for (const [index, part] of parts.entries()) {
    const error = checkPart(part, `${path}.parts[${index}]`, options);
    if (error !== null) return error;
  }
  if (options.api === 'vertex' && parts.every((part) => part.text === '' && part.thoughtSignature === undefined)) {
    return invalid('Unable to submit request because it must have a text parameter. Add a text parameter and try again.');
  }
  return null;
}

function checkPart(part: Canonical, path: string, options: ContentOptions): GeminiError | null {
  if (!dataFields.some((field) => part[field] !== undefined)) {
    return invalid(`* ${path}.data: required oneof field 'data' must have one initialized field\n`);
  }
  const call = part.functionCall as Canonical | undefined;
  if (call !== undefined && !call.name) return invalid(`* ${path}.function_call.name: Name cannot be empty.\n`);
  const response = part.functionResponse as Canonical | undefined;
  if (response !== undefined && !response.name) return invalid(`* ${path}.function_response.name: Name cannot be empty.\n`);
  if (response !== undefined && response.response === undefined)
    return invalid(`* ${path}.function_response.response: missing field.\n`);
  if (options.family.generation < 3 && (response?.parts as unknown[] | undefined)?.length) {
    return invalid('Multimodal function responses are not supported by this model.');
  }
  if (options.family.generation < 3 && (part.mediaResolution as Canonical | undefined)?.level !== undefined) {
    return invalid('Media resolution per part is not supported by this model.');
  }
  for (const holder of [part, ...((response?.parts as Canonical[] | undefined) ?? [])]) {
    const error = checkMedia(holder, path, options);
    if (error !== null) return error;
  }
  return null;
}

function checkMedia(holder: Canonical, path: string, options: ContentOptions): GeminiError | null {
  const blob = holder.inlineData as Canonical | undefined;
  if (blob !== undefined) {
    if (!blob.data) return invalid(`* ${path}.inline_data.data: missing field.\n`);
    return mimeError(String(blob.mimeType ?? ''));
  }
  const file = holder.fileData as Canonical | undefined;
  if (file === undefined) return null;
  const uri = String(file.fileUri ?? '');
  if (!(uri.startsWith('https://') || (options.api === 'vertex' && uri.startsWith('gs://')))) {
    return invalid(`Invalid or unsupported file uri: ${uri.slice(0, 80)}`);
  }
  if (uri.startsWith('https://') && options.robotedHosts.includes(new URL(uri).host)) {
    return invalid(
      'Cannot fetch content from the provided URL. Please ensure the URL is valid and accessible by Vertex AI. ' +
        'Vertex AI respects robots.txt rules, so confirm the URL is allowed to be crawled. Status: URL_ROBOTED-ROBOTED_DENIED',
    );
  }
  // The files of the service know their type themselves.
  return file.mimeType === undefined && options.api === 'gemini' ? null : mimeError(String(file.mimeType ?? ''));
}

/** Neighbouring contents of one role are one turn (recorded: two model contents, answered by one user content). */
function turnsOf(contents: readonly Canonical[]): Turn[] {
  const turns: Turn[] = [];
  for (const [index, content] of contents.entries()) {
    const role = content.role === 'model' ? 'model' : 'user';
    const last = turns.at(-1);
    const entry = { index, parts: partsOf(content) };
    if (last?.role === role) last.contents.push(entry);
    else turns.push({ role, contents: [entry] });
  }
  return turns;
}

const responseOrder = 'Please ensure that function response turn comes immediately after a function call turn.';
const callOrder = 'Please ensure that function call turn comes immediately after a user turn or after a function response turn.';
const counts =
  'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.';

function checkOrder(turns: readonly Turn[], options: ContentOptions): GeminiError | null {
  for (const [at, turn] of turns.entries()) {
    const calls = countIn(turn, 'functionCall');
    const responses = countIn(turn, 'functionResponse');
    if (turn.role === 'user' && calls > 0) return invalid(callOrder);
    if (turn.role === 'model' && responses > 0) return invalid(responseOrder);
    if (turn.role === 'model' && calls > 0 && at === 0) return invalid(callOrder);
    const before = turns[at - 1];
    const asked = before?.role === 'model' ? countIn(before, 'functionCall') : 0;
    if (responses > 0 && asked === 0) return invalid(responseOrder);
    if (turn.role === 'user' && responses !== asked) return invalid(counts);
    const holding = turn.contents.filter((content) => content.parts.some((part) => part.functionResponse !== undefined));
    if (holding.length > 1) return invalid(counts);
    if (holding.length === 1 && holding[0] !== turn.contents[0]) return invalid(responseOrder);
  }
  const last = turns.at(-1)!;
  if (last.role === 'model') {
    if (turns.length === 1)
      return invalid('Please ensure that single turn requests end with a user role or the role field is empty.');
    if (countIn(last, 'functionCall') > 0) return invalid(counts);
    if (!options.family.prefill) return invalid('Requests ending with a model turn are not supported.');
  }
  return null;
}

/** Everything after the last thing a user said that is no function response belongs to the current turn. */
function checkSignatures(turns: readonly Turn[], options: ContentOptions): GeminiError | null {
  const spoken = turns.findLastIndex(
    (turn) =>
      turn.role === 'user' && turn.contents.some((content) => content.parts.some((part) => part.functionResponse === undefined)),
  );
  for (const [at, turn] of turns.entries()) {
    let first = true;
    for (const { index, parts } of turn.contents) {
      for (const part of parts) {
        const call = part.functionCall as Canonical | undefined;
        const signature = part.thoughtSignature as string | undefined;
        if (signature !== undefined && !isGood(signature, call, options)) return geminiError(400, 'Corrupted thought signature.');
        if (call === undefined) continue;
        if (first && at > spoken && signature === undefined && options.family.generation >= 3)
          return missing(String(call.name), index);
        first = false;
      }
    }
  }
  return null;
}

function isGood(signature: string, call: Canonical | undefined, options: ContentOptions): boolean {
  if (options.trustSignatures || isSentinel(signature)) return true;
  return isIssued(signature, { model: options.model, on: call === undefined ? 'text' : `call:${String(call.name)}` });
}

function missing(name: string, index: number): GeminiError {
  return invalid(
    'Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing ' +
      'thought_signature may lead to degraded model performance. Additional data, function call ' +
      `\`default_api:${name}\` , position ${index + 1}. ` +
      'Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.',
  );
}

function countIn(turn: Turn, field: string): number {
  let count = 0;
  for (const content of turn.contents) for (const part of content.parts) if (part[field] !== undefined) count += 1;
  return count;
}

export function partsOf(content: Canonical): Canonical[] {
  return (content.parts as Canonical[] | undefined) ?? [];
}
