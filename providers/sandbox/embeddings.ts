import { createHash } from 'node:crypto';
import type { LocalReply } from '../provider.ts';
import { badRequest, jsonReply, type Refusal, refuse } from './reply.ts';
import { type JsonObject, pieces } from './text.ts';

/** Length of a vector when the caller names none, and the longest there is. */
const defaultDimensions = 1536;
const maxDimensions = 4096;
const maxInputs = 2048;

/** One text, or one list of token ids as its text. */
interface Input {
  readonly text: string;
  readonly tokens: number;
}

function ofTokens(ids: readonly unknown[]): Input | null {
  return ids.length > 0 && ids.every((id) => Number.isInteger(id)) ? { text: `ids:${ids.join(',')}`, tokens: ids.length } : null;
}

function inputOf(value: unknown): Input | null {
  if (typeof value === 'string') return value === '' ? null : { text: value, tokens: Math.max(1, pieces(value).length) };
  return Array.isArray(value) ? ofTokens(value) : null;
}

function inputsOf(value: unknown): readonly Input[] | Refusal {
  const refused = badRequest(
    `'input' has to be a text, a list of token ids, or a list of up to ${maxInputs} of either, none of them empty.`,
    'input',
  );
  const items = typeof value === 'string' || (Array.isArray(value) && typeof value[0] === 'number') ? [value] : value;
  if (!Array.isArray(items) || items.length === 0 || items.length > maxInputs) return refused;
  const inputs = items.map(inputOf);
  return inputs.every((input) => input !== null) ? inputs : refused;
}

/** A unit vector that depends on the text alone. It says nothing about meaning: near texts are not near each other. */
export function vector(text: string, dimensions: number): Float32Array {
  // An extendable-output hash: a shorter vector is the beginning of a longer one, before both are scaled to length 1.
  const bytes = createHash('shake256', { outputLength: dimensions * 4 })
    .update(text)
    .digest();
  const values = new Float32Array(dimensions);
  let squares = 0;
  for (let at = 0; at < dimensions; at++) {
    const value = bytes.readUInt32LE(at * 4) / 2 ** 31 - 1;
    values[at] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares) || 1;
  for (let at = 0; at < dimensions; at++) values[at] = values[at]! / length;
  return values;
}

/** Little-endian float32, as the API defines it, on any machine. */
function base64(values: Float32Array): string {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeFloatLE(value, at * 4);
  return bytes.toString('base64');
}

/** Answers `POST /embeddings`. */
export function embeddingsReply(body: JsonObject, model: string): LocalReply {
  const inputs = inputsOf(body.input);
  if ('status' in inputs) return refuse(inputs);
  const dimensions = body.dimensions ?? defaultDimensions;
  if (typeof dimensions !== 'number' || !Number.isInteger(dimensions) || dimensions < 1 || dimensions > maxDimensions) {
    return refuse(badRequest(`'dimensions' has to be an integer from 1 to ${maxDimensions}.`, 'dimensions'));
  }
  const format = body.encoding_format ?? 'float';
  if (format !== 'float' && format !== 'base64') {
    return refuse(badRequest(`'encoding_format' has to be "float" or "base64".`, 'encoding_format'));
  }
  const tokens = inputs.reduce((sum, input) => sum + input.tokens, 0);
  return jsonReply({
    object: 'list',
    data: inputs.map(({ text }, index) => {
      const values = vector(text, dimensions);
      return { object: 'embedding', index, embedding: format === 'base64' ? base64(values) : Array.from(values) };
    }),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}
