import type { ChatRequest, Sampling } from '../../unified.ts';
import { isObject, refuse } from '../../wire/json.ts';
import type { NativeOptions } from '../options.ts';
import { isVertex } from '../paths.ts';
import { toJsonSchema } from './json-schema.ts';
import type { Scene } from './media.ts';
import { toOpenApiSchema } from './openapi-schema.ts';
import { type OutputForm, outputForm } from './sound.ts';
import { thinkingConfig } from './thinking.ts';

/** Most stop sequences and candidates of one request (REST reference, `GenerationConfig`). */
const MAX_STOP = 5;
const MAX_CANDIDATES = 8;
/** `seed` is a signed 32-bit integer. */
const SEEDS = 2 ** 31;

const FORMAT = 'response_format';

/**
 * `generationConfig` and how the answer's sound is wanted. Throws `TranslationError` naming the parameter that this model cannot
 * be asked for.
 */
export function encodeGeneration(
  request: ChatRequest,
  options: NativeOptions,
  functions: boolean,
  scene: Scene,
): { readonly config: Record<string, unknown>; readonly sound: OutputForm['sound'] } {
  const form = outputForm(request, options, scene);
  const thinking = thinkingConfig(request, options, scene);
  const config: Record<string, unknown> = {
    ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
    ...samplingOf(request.sampling, scene),
    ...penalties(request.sampling, scene),
    ...controls(request, scene),
    ...outputOf(request, functions, scene),
    ...form.generation,
    ...(thinking === undefined ? {} : { thinkingConfig: thinking }),
    ...options.generation,
  };
  return { config, sound: form.sound };
}

/** Newer models ignore these, so leaving them out changes nothing; 1 is the temperature they have. */
function samplingOf({ temperature, topP, topK }: Sampling, scene: Scene): Record<string, unknown> {
  const given = { ...(temperature === undefined ? {} : { temperature }), ...(topP === undefined ? {} : { topP }) };
  const all = { ...given, ...(topK === undefined ? {} : { topK }) };
  if (scene.facts.sampling) return all;
  if (temperature !== undefined && temperature !== 1) scene.notes.dropped('temperature');
  if (topP !== undefined) scene.notes.dropped('top_p');
  if (topK !== undefined) scene.notes.dropped('top_k');
  return {};
}

function penalties({ frequencyPenalty, presencePenalty }: Sampling, scene: Scene): Record<string, unknown> {
  const taken = scene.facts.penalties === 'always' || (scene.facts.penalties === 'vertex' && isVertex(scene.provider));
  if (taken) {
    return {
      ...(frequencyPenalty === undefined ? {} : { frequencyPenalty }),
      ...(presencePenalty === undefined ? {} : { presencePenalty }),
    };
  }
  const message = 'This model takes no penalties; leave the parameter out.';
  if (frequencyPenalty !== undefined && frequencyPenalty !== 0) scene.notes.unsupported('frequency_penalty', message);
  if (presencePenalty !== undefined && presencePenalty !== 0) scene.notes.unsupported('presence_penalty', message);
  return {};
}

function controls(request: ChatRequest, scene: Scene): Record<string, unknown> {
  const { seed, stop, logprobs } = request.sampling;
  if (stop !== undefined && stop.length > MAX_STOP) refuse(`This provider takes at most ${MAX_STOP} stop sequences.`, 'stop');
  return {
    ...(seed === undefined ? {} : { seed: Math.trunc(seed) % SEEDS }),
    ...(stop === undefined || stop.length === 0 ? {} : { stopSequences: stop.filter((each) => each !== '') }),
    ...(logprobs === undefined
      ? {}
      : { responseLogprobs: true, ...(logprobs.top === undefined ? {} : { logprobs: logprobs.top }) }),
    ...candidates(request.choices ?? 1, scene),
  };
}

function candidates(count: number, scene: Scene): Record<string, unknown> {
  if (count === 1) return {};
  if (!scene.facts.choices) {
    scene.notes.unsupported('n', 'This model gives one answer to a request; leave `n` out and ask several times.');
    return {};
  }
  if (count > MAX_CANDIDATES) refuse(`This provider gives at most ${MAX_CANDIDATES} answers to a request.`, 'n');
  return { candidateCount: count };
}

function outputOf(request: ChatRequest, functions: boolean, scene: Scene): Record<string, unknown> {
  const { output } = request;
  if (output === undefined || output.type === 'text') return {};
  const { facts, notes } = scene;
  if (!facts.structuredOutput) {
    notes.unsupported(
      FORMAT,
      'This model does not answer in a given format; leave `response_format` out, or name another model.',
    );
    return {};
  }
  if (functions && !facts.combined) {
    notes.unsupported(FORMAT, 'This model does not take functions and a response format in one request; leave one of them out.');
    return {};
  }
  const json = { responseMimeType: 'application/json' };
  if (output.type === 'json' || output.schema === undefined || output.schema === null) return json;
  const param = `${FORMAT}.json_schema.schema`;
  if (!isObject(output.schema)) refuse('The schema of the answer has to be a JSON schema object.', param);
  const { description } = output;
  const schema =
    description === undefined || output.schema.description !== undefined ? output.schema : { ...output.schema, description };
  if (facts.outputSchema === 'json') return { ...json, responseJsonSchema: toJsonSchema(schema, param) };
  const responseSchema = toOpenApiSchema(schema, param);
  const any = responseSchema.type === 'OBJECT' && responseSchema.properties === undefined;
  return any ? json : { ...json, responseSchema };
}
