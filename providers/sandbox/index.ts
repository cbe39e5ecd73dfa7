import { openai } from '../openai/index.ts';
import type { ProviderType } from '../provider.ts';
import { builtin } from './models.ts';
import { serve } from './serve.ts';

/**
 * A provider without a server: deterministic answers and faults on demand in the OpenAI dialect, labelled as no model.
 * docs/sandbox.md lists what each model does.
 */
export const sandbox: ProviderType = {
  type: 'sandbox',
  dialect: 'openai',
  defaults: { keyless: true, operations: ['chat', 'embeddings', 'responses'] },
  presets: {},
  environment: [],
  builtin,
  translate: openai.translate,
  serve,
};
