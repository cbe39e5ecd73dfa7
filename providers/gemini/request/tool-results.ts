import type { Part, ToolResultPart } from '../../unified.ts';
import { parseExact } from '../../wire/exact-json.ts';
import { isObject, refuse } from '../../wire/json.ts';
import { encodeMedia, type GeminiPart, type MediaPart, type Scene } from './media.ts';

/** Levels of an object that are looked through; a deeper one goes as the text it is. */
const MAX_DEPTH = 64;

export interface EncodedResult {
  readonly response: GeminiPart;
  /** Media that the model does not take inside a function response. */
  readonly beside: readonly GeminiPart[];
}

/**
 * The result of one call as a `functionResponse`, whose `response` has to be an object: a JSON object as it is, any other text
 * as `{output}`, that of a failed call as `{error}`. `param` names the client's message.
 */
export function encodeResult(result: ToolResultPart, name: string, scene: Scene, param: string): EncodedResult {
  const texts: string[] = [];
  const inside: GeminiPart[] = [];
  const beside: GeminiPart[] = [];
  for (const [at, part] of result.content.entries()) {
    if (part.type === 'text' || part.type === 'refusal') texts.push(part.text);
    else if (isMedia(part)) {
      const encoded = encodeMedia(part, scene, `${param}.content[${at}]`);
      const { mediaResolution: _resolution, ...plain } = encoded;
      if (scene.facts.responseMedia.includes(typeOf(encoded))) inside.push(plain);
      else beside.push(encoded);
    } else if (part.type !== 'reasoning') {
      refuse('A tool result takes text, images and files.', `${param}.content[${at}]`);
    }
  }
  const response = responseOf(texts, result.isError === true);
  if (texts.length === 0 && beside.length > 0) response.output = `The result of ${name} follows.`;
  return {
    response: {
      functionResponse: {
        ...(result.id === '' ? {} : { id: result.id }),
        name,
        response,
        ...(inside.length === 0 ? {} : { parts: inside }),
      },
    },
    beside: beside.length === 0 ? [] : [{ text: `Result of ${name}:` }, ...beside],
  };
}

function responseOf(texts: readonly string[], failed: boolean): Record<string, unknown> {
  const only = texts.length === 1 ? texts[0]! : null;
  const parsed = only?.trimStart().startsWith('{') === true ? parseExact(only) : undefined;
  const object = isObject(parsed) && isPlain(parsed, MAX_DEPTH) ? parsed : null;
  if (failed) return { error: object ?? texts.join('\n') };
  if (object !== null) return object as Record<string, unknown>;
  return texts.length === 0 ? {} : { output: texts.join('\n') };
}

/**
 * Whether an object can go as one. In a function response `{"$ref": name}` refers to a medium beside it, so a JSON Schema in a
 * result was refused (NousResearch/hermes-agent#100441).
 */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) return value.every((each) => isPlain(each, depth - 1));
  return Object.entries(value).every(([key, each]) => key !== '$ref' && isPlain(each, depth - 1));
}

export function isMedia(part: Part): part is MediaPart {
  return part.type === 'image' || part.type === 'audio' || part.type === 'video' || part.type === 'file';
}

function typeOf(part: GeminiPart): string {
  const data = part.inlineData ?? part.fileData;
  return isObject(data) && typeof data.mimeType === 'string' ? data.mimeType : '';
}
