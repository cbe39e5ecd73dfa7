import { type GeminiError, invalid } from './errors.ts';
import type { GeminiModel } from './models.ts';
import type { Canonical } from './proto.ts';
import { checkJsonSchema, checkSchema } from './schema.ts';
import { declarationsOf } from './tools.ts';

const mimeTypes = ['text/plain', 'application/json', 'application/xml', 'application/yaml', 'text/x.enum'];
const categories = ['SEXUALLY_EXPLICIT', 'HATE_SPEECH', 'HARASSMENT', 'DANGEROUS_CONTENT', 'CIVIC_INTEGRITY'].map(
  (name) => `HARM_CATEGORY_${name}`,
);

/** Everything in `generationConfig` and the safety settings. `model` is without `models/`. */
export function checkGeneration(
  body: Canonical,
  model: string,
  family: GeminiModel,
  api: 'gemini' | 'vertex',
): GeminiError | null {
  const config = (body.generationConfig as Canonical | undefined) ?? {};
  return (
    checkNumbers(config, model, family, api) ??
    checkFormat(config, body, family) ??
    checkModalities(config, model, family) ??
    checkThinking((config.thinkingConfig as Canonical | undefined) ?? null, family) ??
    checkSafety((body.safetySettings as Canonical[] | undefined) ?? [], api)
  );
}

const path = 'GenerateContentRequest.generation_config';

function checkNumbers(config: Canonical, model: string, family: GeminiModel, api: 'gemini' | 'vertex'): GeminiError | null {
  const number = (name: string) => config[name] as number | undefined;
  const outside = (name: string, low: number, high: number) => {
    const value = number(name);
    return value !== undefined && (value < low || value > high);
  };
  if (outside('temperature', 0, 2)) return invalid(`* ${path}.temperature: temperature must be in the range [0.0, 2.0].\n`);
  if (outside('topP', 0, 1)) return invalid(`* ${path}.top_p: top_p must be in the range [0.0, 1.0].\n`);
  if (outside('topK', 1, Number.MAX_VALUE)) return invalid(`* ${path}.top_k: top_k must be positive.\n`);
  if (outside('maxOutputTokens', 1, Number.MAX_VALUE))
    return invalid(`* ${path}.max_output_tokens: max_output_tokens must be positive.\n`);
  if (api === 'vertex' && outside('maxOutputTokens', 1, family.outputTokenLimit)) {
    return invalid(
      `Unable to submit request because it has a maxOutputTokens value of ${number('maxOutputTokens')} but the supported range is ` +
        `from 1 (inclusive) to ${family.outputTokenLimit + 1} (exclusive). Update the value and try again.`,
    );
  }
  if (outside('candidateCount', 1, 8))
    return invalid(`* ${path}.candidate_count: candidate_count must be in the range [1, 8].\n`);
  if ((number('candidateCount') ?? 1) > family.candidates)
    return invalid(`Multiple candidates is not enabled for models/${model}`);
  for (const name of ['presencePenalty', 'frequencyPenalty']) {
    if (outside(name, -2, 2))
      return invalid(
        `* ${path}.${name === 'presencePenalty' ? 'presence' : 'frequency'}_penalty: must be in the range [-2.0, 2.0).\n`,
      );
    if (number(name) !== undefined && !family.penalties) return invalid(`Penalty is not enabled for models/${model}`);
  }
  if (outside('logprobs', 0, 20)) return invalid(`* ${path}.logprobs: logprobs must be in the range [0, 20].\n`);
  if (number('logprobs') !== undefined && config.responseLogprobs !== true) {
    return invalid(`* ${path}.logprobs: logprobs can only be set when response_logprobs is true.\n`);
  }
  const stops = (config.stopSequences as string[] | undefined) ?? [];
  if (stops.length > 5) return invalid(`* ${path}.stop_sequences: at most 5 stop sequences can be specified.\n`);
  if (stops.includes('')) return invalid(`* ${path}.stop_sequences[${stops.indexOf('')}]: must not be empty.\n`);
  return null;
}

function checkFormat(config: Canonical, body: Canonical, family: GeminiModel): GeminiError | null {
  const mime = config.responseMimeType as string | undefined;
  if (mime !== undefined && mime !== '' && !mimeTypes.includes(mime)) {
    const listed = `${mimeTypes
      .slice(0, -1)
      .map((type) => `\`${type}\``)
      .join(', ')} and \`${mimeTypes.at(-1)}\``;
    return invalid(`* ${path}.response_mime_type: allowed mimetypes are ${listed}.\n`);
  }
  const schema = config.responseSchema as Canonical | undefined;
  const json = config.responseJsonSchema ?? config._responseJsonSchema;
  if (schema !== undefined && json !== undefined) {
    return invalid(`* ${path}.response_schema: only one of response_schema and response_json_schema may be set.\n`);
  }
  if (
    (schema !== undefined || json !== undefined) &&
    mime !== 'application/json' &&
    !(mime === 'text/x.enum' && schema !== undefined)
  ) {
    return invalid(`* ${path}.response_mime_type: a response schema requires the response mime type application/json.\n`);
  }
  const functions = ((body.tools as Canonical[] | undefined) ?? []).some((tool) => declarationsOf(tool).length > 0);
  if (functions && mime !== undefined && mime !== 'text/plain' && !family.toolCombination) {
    return invalid(`Function calling with a response mime type: '${mime}' is unsupported`);
  }
  if (schema !== undefined) return checkSchema(schema, `${path}.response_schema`, 'response');
  return json === undefined ? null : checkJsonSchema(json, `${path}.response_json_schema`);
}

function checkModalities(config: Canonical, model: string, family: GeminiModel): GeminiError | null {
  const asked = (config.responseModalities as string[] | undefined) ?? [];
  if (asked.length === 0) return null;
  const same = (set: readonly string[]) => set.length === asked.length && set.every((name) => asked.includes(name));
  if (family.outputs.some(same)) return null;
  const taken = family.outputs.map((set) => `* ${set.join(', ')}\n`).join('');
  return invalid(
    `The requested combination of response modalities (${asked.join(', ')}) is not supported by the model. ` +
      `models/${model} accepts the following combination of response modalities:\n${taken}`,
  );
}

function checkThinking(config: Canonical | null, family: GeminiModel): GeminiError | null {
  if (config === null) return null;
  const budget = config.thinkingBudget as number | undefined;
  const level = config.thinkingLevel as string | undefined;
  if (budget !== undefined && level !== undefined)
    return invalid('You can only set only one of thinking budget and thinking level.');
  if (family.thinking === 'none') {
    if (config.includeThoughts !== true && (budget ?? 0) === 0 && level === undefined) return null;
    return invalid('Thinking is not enabled for this model.');
  }
  if (level !== undefined) {
    if (family.thinking !== 'level') return invalid('Thinking level is not supported for this model.');
    if (family.levels !== undefined && !family.levels.includes(level)) {
      return invalid(`Thinking level ${level} is not supported for this model. Please retry with other thinking level.`);
    }
  }
  if (budget === undefined || budget === -1 || family.budget === undefined) return null;
  const { min, max, off } = family.budget;
  if (budget === 0) return off ? null : invalid('Budget 0 is invalid. This model only works in thinking mode.');
  if (budget < min || budget > max) {
    return invalid(`The thinking budget ${budget} is invalid. Please choose a value between ${min} and ${max}.`);
  }
  return null;
}

function checkSafety(settings: readonly Canonical[], api: 'gemini' | 'vertex'): GeminiError | null {
  for (const [index, setting] of settings.entries()) {
    if (api === 'gemini' && !categories.includes(String(setting.category))) {
      return invalid(
        `* GenerateContentRequest.safety_settings[${index}]: element predicate failed: $.category in ` +
          `(${categories.map((name) => `HarmCategory.${name}`).join(', ')})\n`,
      );
    }
    if (setting.threshold === undefined)
      return invalid(`* GenerateContentRequest.safety_settings[${index}].threshold: missing field.\n`);
  }
  return null;
}
