import type { ModelInfo } from '../model.ts';

// What the lists of models that upstreams give have in common; everything in them is theirs to choose.

/** Characters of an id or an owner. */
export const MAX_ID = 256;

/** A text that can be the id of a model. */
export function isModelId(value: unknown): value is string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an id with control characters is refused
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_ID && !/[\u0000-\u001f\u007f]/.test(value);
}

/** A number of tokens. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

/** The first `max` entries that `read` can use, each id once: the first one counts. */
export function distinctModels(
  entries: readonly unknown[],
  max: number,
  read: (entry: unknown) => ModelInfo | null,
): readonly ModelInfo[] {
  const models = new Map<string, ModelInfo>();
  for (const entry of entries) {
    if (models.size >= max) break;
    const model = read(entry);
    if (model !== null && !models.has(model.id)) models.set(model.id, model);
  }
  return [...models.values()];
}
