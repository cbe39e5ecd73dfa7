import { openaiCatalogue } from '../openai/catalogue.ts';
import { DIALECT } from '../openai/chat/carry.ts';
import { translateSameDialect } from '../openai/passthrough/index.ts';
import type { ProviderType } from '../provider.ts';
import { presets } from './presets.ts';
import { compatibleTokens } from './tokens.ts';

/** Any server that speaks the OpenAI API: one configuration entry, no code. */
export const openaiCompatible: ProviderType = {
  type: 'openai-compatible',
  dialect: DIALECT,
  defaults: {
    version: 'v1',
    auth: { header: 'authorization', scheme: 'Bearer' },
    operations: ['chat', 'embeddings'],
    catalogue: true,
    keyless: true,
  },
  presets,
  environment: [{ provider: 'ollama', preset: 'ollama', apiKey: [], baseUrl: ['OLLAMA_BASE_URL', 'OLLAMA_HOST'] }],
  translate: translateSameDialect,
  tokens: compatibleTokens,
  catalogue: openaiCatalogue,
};
