import { type GeminiError, geminiError } from './errors.ts';
import { geminiModel, listedModels } from './models.ts';
import type { Canonical } from './proto.ts';

/** A page of models; at most 1,000, by default 50. */
export function listModels(query: URLSearchParams): Canonical {
  const size = Math.min(Math.max(Number(query.get('pageSize') ?? 50) || 50, 1), 1000);
  const start = Number(query.get('pageToken') ?? 0) || 0;
  const end = start + size;
  return {
    models: listedModels.slice(start, end).map(describe),
    ...(end < listedModels.length ? { nextPageToken: String(end) } : {}),
  };
}

/** One model, or 404. */
export function getModel(name: string): Canonical | GeminiError {
  if (geminiModel(name) !== null) return describe(name);
  return geminiError(404, `Model is not found: models/${name} for api version v1beta`);
}

function describe(name: string): Canonical {
  const family = geminiModel(name)!;
  return {
    name: `models/${name}`,
    version: '001',
    displayName: name,
    description: `The fake's ${name}`,
    inputTokenLimit: family.inputTokenLimit,
    outputTokenLimit: family.outputTokenLimit,
    supportedGenerationMethods: family.methods,
    ...(family.embedding === undefined
      ? { temperature: 1, topP: 0.95, topK: 64, maxTemperature: 2, thinking: family.thinking !== 'none' }
      : {}),
  };
}
