import { type Call, type JsonAnswer, type Target, TranslationError } from '../../provider.ts';
import { embeddedFailure } from '../../wire/failure.ts';
import { isObject, type JsonObject, parseBody, protocolError, textOf } from '../../wire/json.ts';
import { decodeVector, encodeVector } from '../../wire/vectors.ts';
import { readEmbeddingsUsage } from '../usage.ts';

/**
 * A 2xx embeddings answer. The bytes pass untouched when the vectors already have the form the caller asked for; otherwise
 * they are converted (openai-node asks for base64 by default and silently misreads anything else). Throws `TranslationError`
 * for an error in a 200, a wrong shape, a wrong number of vectors, or a length other than the target's `dimensions`.
 */
export function embeddingsAnswer(bytes: Buffer, call: Call, target: Target, secrets: readonly string[]): JsonAnswer {
  const body = parseBody(bytes);
  const failure = embeddedFailure(body, secrets);
  if (failure !== null) throw new TranslationError(failure);
  if (!isObject(body) || !Array.isArray(body.data)) protocolError('The provider answered without a "data" array of embeddings.');
  const wanted = inputCount(call.body.json.input);
  if (wanted !== null && body.data.length !== wanted) {
    protocolError(`The provider answered with ${body.data.length} embeddings for ${wanted} inputs.`);
  }
  const base64 = call.body.json.encoding_format === 'base64';
  let converted = false;
  const data = body.data.map((item: unknown) => {
    if (!isObject(item)) return protocolError('The provider answered with an embedding that is not an object.');
    const embedding = inForm(item.embedding, base64, target.dimensions);
    if (embedding === item.embedding) return item;
    converted = true;
    return { ...item, embedding };
  });
  return {
    bytes: converted ? Buffer.from(JSON.stringify({ ...(body as JsonObject), data })) : bytes,
    usage: readEmbeddingsUsage(body.usage),
    model: textOf(body.model),
    characters: 0,
  };
}

/** The vector as base64 or as numbers; the value itself when it already is. */
function inForm(embedding: unknown, base64: boolean, dimensions: number | undefined): unknown {
  if (typeof embedding === 'string') {
    checkLength(Buffer.byteLength(embedding, 'base64') / 4, dimensions);
    return base64 ? embedding : decodeVector(embedding);
  }
  if (!Array.isArray(embedding) || embedding.length === 0) {
    return protocolError('The provider answered with an embedding that is neither numbers nor base64.');
  }
  checkLength(embedding.length, dimensions);
  return base64 ? encodeVector(embedding) : embedding;
}

function checkLength(length: number, dimensions: number | undefined): void {
  if (dimensions === undefined || length === dimensions) return;
  protocolError(
    `The provider answered with vectors of length ${length}; this target is configured with dimensions ${dimensions}.`,
  );
}

/** Vectors an `input` asks for (openai-openapi `CreateEmbeddingRequest`); null for a form this gateway does not know. */
function inputCount(input: unknown): number | null {
  if (typeof input === 'string') return 1;
  if (!Array.isArray(input) || input.length === 0) return null;
  return typeof input[0] === 'number' ? 1 : input.length;
}
