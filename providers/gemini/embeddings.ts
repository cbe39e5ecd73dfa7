import { NoStream } from '../openai/passthrough/no-stream.ts';
import { completeJson } from '../pivot/cut.ts';
import type { Call, JsonAnswer, Target, Translation, UpstreamRequest } from '../provider.ts';
import { TranslationError } from '../provider.ts';
import { guarded, isObject, type JsonObject, parseBody, protocolError, refuse } from '../wire/json.ts';
import { quantityOf } from '../wire/quantities.ts';
import { encodeVector } from '../wire/vectors.ts';
import { answerFailure, geminiFailure } from './failure.ts';
import { camelCase } from './options.ts';
import { headersOf, isVertex, methodPath, modelName } from './paths.ts';
import { estimateTokens } from './tokens.ts';
import { normalised } from './vectors.ts';

/** Texts of one `batchEmbedContents`; Vertex AI embeds one at a time. */
const MAX_BATCH = 100;
/** Texts of one call (openai-openapi `CreateEmbeddingRequest`). */
const MAX_INPUTS = 2048;

/** Members of the call that have a meaning here; `user` and unknown ones have none. */
const READ: ReadonlySet<string> = new Set(['model', 'input', 'dimensions', 'encoding_format', 'google', 'extra_body', 'stream']);
const OPTIONS: ReadonlySet<string> = new Set(['taskType', 'title', 'autoTruncate']);

interface Wanted {
  readonly texts: readonly string[];
  readonly base64: boolean;
  /** Members of each request beside the text. */
  readonly options: JsonObject;
}

/**
 * An embeddings call of OpenAI's dialect. More texts than one request takes are asked for in several, one after the other.
 * Throws `TranslationError` naming the parameter that this API cannot be asked for.
 */
export function translateEmbeddings(call: Call, target: Target, secrets: readonly string[]): Translation {
  const json = completeJson(call.body);
  const wanted = readWanted(json, target);
  const ignored = Object.keys(json).filter((key) => !READ.has(key) && !call.dropped.has(key) && json[key] !== null);
  if (call.requireParameters && ignored.length > 0) {
    refuse(
      `\`${ignored[0]}\` has no effect on embeddings of this model, and gateway.require_parameters asks for every parameter to have one.`,
      ignored[0]!,
    );
  }
  const slices = sliced(wanted.texts, isVertex(target.provider) ? 1 : MAX_BATCH);
  const reader = new EmbeddingsReader(wanted, target, secrets);
  const requestOf = (slice: readonly string[]) => embedRequest(slice, wanted.options, target);
  let at = 0;
  return {
    request: requestOf(slices[0]!),
    ignored,
    ...(slices.length === 1
      ? {}
      : {
          next: (bytes) =>
            guarded(() => {
              if (at === slices.length - 1) return null;
              reader.take(bytes, slices[at]!.length);
              return requestOf(slices[++at]!);
            }),
        }),
    json: (bytes) =>
      guarded(() => {
        reader.take(bytes, slices.at(-1)!.length);
        return reader.answer();
      }),
    jsonAsStream: () => {
      throw new TranslationError(new NoStream().failure);
    },
    stream: () => new NoStream(),
    aggregate: () => new NoStream(),
    failure: (head, bytes) => geminiFailure(head, bytes, secrets),
  };
}

function readWanted(json: JsonObject, target: Target): Wanted {
  const { encoding_format: format, dimensions } = json;
  if (format !== undefined && format !== null && format !== 'float' && format !== 'base64') {
    refuse('`encoding_format` has to be "float" or "base64".', 'encoding_format');
  }
  if (dimensions !== undefined && dimensions !== null && !(Number.isSafeInteger(dimensions) && (dimensions as number) > 0)) {
    refuse('`dimensions` has to be a whole number above 0.', 'dimensions');
  }
  const asked = (dimensions as number | null | undefined) ?? target.dimensions;
  if (target.dimensions !== undefined && asked !== target.dimensions) {
    refuse(`This target is configured with ${target.dimensions} dimensions; leave \`dimensions\` out.`, 'dimensions');
  }
  return {
    texts: readTexts(json.input),
    base64: format === 'base64',
    options: { ...readOptions(json), ...(asked === undefined ? {} : { outputDimensionality: asked }) },
  };
}

function readTexts(input: unknown): readonly string[] {
  const list = typeof input === 'string' ? [input] : input;
  if (!Array.isArray(list) || list.length === 0) refuse('`input` has to be a text or a list of texts.', 'input');
  if (list.length > MAX_INPUTS) refuse(`\`input\` takes at most ${MAX_INPUTS} texts; send them in several calls.`, 'input');
  for (const each of list) {
    if (typeof each === 'number' || Array.isArray(each)) {
      refuse(
        'This model takes texts and no token ids; send the text itself (LangChain: check_embedding_ctx_length=False).',
        'input',
      );
    }
    if (typeof each !== 'string') refuse('`input` has to be a text or a list of texts.', 'input');
    if (each === '') refuse('A text in `input` is empty; leave it out.', 'input');
  }
  return list as string[];
}

/** `google.task_type` and its like, also in `extra_body`. */
function readOptions(json: JsonObject): JsonObject {
  const read: Record<string, unknown> = {};
  const extra = isObject(json.extra_body) ? json.extra_body.google : undefined;
  for (const [where, value] of [
    ['extra_body.google', extra],
    ['google', json.google],
  ] as const) {
    if (value === undefined || value === null) continue;
    if (!isObject(value)) refuse(`\`${where}\` has to be an object.`, where);
    for (const [written, option] of Object.entries(value)) {
      const name = camelCase(written);
      if (!OPTIONS.has(name))
        refuse(
          `The option \`${where}.${written}\` is not known; known are task_type, title and auto_truncate.`,
          `${where}.${written}`,
        );
      if (option !== null) read[name] = option;
    }
  }
  return read;
}

function sliced(texts: readonly string[], size: number): readonly (readonly string[])[] {
  const slices: (readonly string[])[] = [];
  for (let at = 0; at < texts.length; at += size) slices.push(texts.slice(at, at + size));
  return slices;
}

function embedRequest(slice: readonly string[], options: JsonObject, target: Target): UpstreamRequest {
  const one = (text: string) => ({ content: { parts: [{ text }] }, ...options });
  const model = modelName(target);
  const single = slice.length === 1;
  const body = single ? one(slice[0]!) : { requests: slice.map((text) => ({ model, ...one(text) })) };
  return {
    method: 'POST',
    path: methodPath(target, single ? 'embedContent' : 'batchEmbedContents'),
    headers: headersOf(target.provider, false),
    body: Buffer.from(JSON.stringify(body)),
  };
}

/** Gathers the vectors of all parts of an answer. */
class EmbeddingsReader {
  readonly #wanted: Wanted;
  readonly #target: Target;
  readonly #secrets: readonly string[];
  readonly #vectors: (string | readonly number[])[] = [];
  /** Tokens, while every part said how many. */
  #tokens: number | null = 0;

  constructor(wanted: Wanted, target: Target, secrets: readonly string[]) {
    this.#wanted = wanted;
    this.#target = target;
    this.#secrets = secrets;
  }

  /** One part: `count` vectors in the order of their texts. Throws `TranslationError`. */
  take(bytes: Buffer, count: number): void {
    const body = parseBody(bytes);
    const failure = answerFailure(body, this.#secrets);
    if (failure !== null) throw new TranslationError(failure);
    if (!isObject(body)) protocolError('The provider answered with JSON that is not an object.');
    const list = Array.isArray(body.embeddings) ? body.embeddings : isObject(body.embedding) ? [body.embedding] : null;
    if (list === null) protocolError('The provider answered without embeddings.');
    if (list.length !== count) protocolError(`The provider answered with ${list.length} embeddings for ${count} inputs.`);
    for (const each of list) this.#vectors.push(this.#vector(isObject(each) ? each.values : undefined));
    const tokens = isObject(body.usageMetadata) ? quantityOf(body.usageMetadata.promptTokenCount) : null;
    this.#tokens = tokens === null || this.#tokens === null ? null : this.#tokens + tokens;
  }

  answer(): JsonAnswer {
    const tokens = this.#tokens ?? this.#wanted.texts.reduce((sum, text) => sum + estimateTokens(text), 0);
    const document = {
      object: 'list',
      data: this.#vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
      model: this.#target.model,
      // A number is required here; where the API named none it is an estimate, and the ledger makes its own.
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
    return {
      bytes: Buffer.from(JSON.stringify(document)),
      usage: this.#tokens === null ? null : { input: this.#tokens },
      model: null,
      characters: 0,
    };
  }

  #vector(values: unknown): string | readonly number[] {
    const vector = normalised(values);
    const { dimensions } = this.#target;
    if (dimensions !== undefined && vector.length !== dimensions) {
      protocolError(
        `The provider answered with vectors of length ${vector.length}; this target is configured with dimensions ${dimensions}.`,
      );
    }
    return this.#wanted.base64 ? encodeVector(vector) : vector;
  }
}
