import { type ContentOptions, checkContent } from './contents.ts';
import { type GeminiError, invalid } from './errors.ts';
import type { Canonical } from './proto.ts';

/** The most items of one batch. */
export const maxBatch = 100;

/** One thing to embed; `path` is its proto path. */
export function checkEmbed(request: Canonical, path: string, options: ContentOptions): GeminiError | null {
  const content = request.content as Canonical | undefined;
  if (content === undefined) return invalid(`* ${path}.content: content is not specified\n`);
  const error = checkContent(content, `${path}.content`, options);
  if (error !== null) return error;
  const parts = content.parts as Canonical[];
  if (parts.every((part) => part.text === '')) return invalid(`* ${path}.content: content is empty\n`);
  const dimensions = request.outputDimensionality as number | undefined;
  const most = options.family.embedding?.dimensions ?? 0;
  if (dimensions !== undefined && (dimensions < 1 || dimensions > most)) {
    return invalid(`* ${path}.output_dimensionality: output_dimensionality must be in the range [1, ${most}].\n`);
  }
  if (request.title !== undefined && request.taskType !== 'RETRIEVAL_DOCUMENT') {
    return invalid(`* ${path}.title: title can only be set for the task type RETRIEVAL_DOCUMENT.\n`);
  }
  return null;
}

/** All items of a batch: at most 100, each with the model of the address and its prefix. */
export function checkBatch(body: Canonical, options: ContentOptions): GeminiError | null {
  const requests = (body.requests as Canonical[] | undefined) ?? [];
  if (requests.length === 0) return invalid('* BatchEmbedContentsRequest.requests: requests is not specified\n');
  if (requests.length > maxBatch)
    return invalid(`* BatchEmbedContentsRequest.requests: at most ${maxBatch} requests can be in one batch\n`);
  for (const [index, request] of requests.entries()) {
    const path = `BatchEmbedContentsRequest.requests[${index}]`;
    const model = request.model;
    if (typeof model !== 'string' || model === '') return invalid(`* ${path}.model: model is not specified\n`);
    if (!/^(models|tunedModels)\//.test(model)) return invalid(`* ${path}.model: unexpected model name format\n`);
    if (model !== `models/${options.model}`) return invalid(`* ${path}.model: model must be the same as in the batch request\n`);
    const error = checkEmbed(request, path, options);
    if (error !== null) return error;
  }
  return null;
}

/**
 * A deterministic vector of `dimensions` numbers for `text`. Whole vectors have length 1; shortened ones of models that do
 * not normalise keep only a part of it (recorded: 0.568 for 768 of 3,072).
 */
export function embeddingOf(text: string, dimensions: number, whole: number, normalised: boolean): number[] {
  let state = 2_166_136_261;
  for (const byte of Buffer.from(text)) state = Math.imul(state ^ byte, 16_777_619);
  const raw = Array.from({ length: whole }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2_147_483_648;
  });
  const scale = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const cut = raw.slice(0, dimensions);
  const length = scale(normalised ? cut : raw);
  return cut.map((value) => Number((value / length).toFixed(8)));
}
