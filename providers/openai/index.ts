import type { ProviderType } from '../provider.ts';
import { openaiCatalogue } from './catalogue.ts';
import { DIALECT } from './chat/carry.ts';
import { describe } from './models.ts';
import { withoutForeignContent } from './passthrough/foreign.ts';
import { translateSameDialect } from './passthrough/index.ts';
import { openaiTokens } from './tokens.ts';

/** OpenAI's own API. */
export const openai: ProviderType = {
  type: 'openai',
  dialect: DIALECT,
  defaults: {
    base_url: 'https://api.openai.com/v1',
    version: 'v1',
    auth: { header: 'authorization', scheme: 'Bearer' },
    operations: ['chat', 'embeddings', 'responses'],
    catalogue: true,
    vendorHost: true,
    priceProvider: 'openai',
    keyVariable: 'OPENAI_API_KEY',
    exampleModel: 'gpt-5.4-mini',
  },
  presets: {},
  environment: [{ provider: 'openai', apiKey: ['OPENAI_API_KEY'], baseUrl: ['OPENAI_BASE_URL'] }],
  translate: (call, target) => translateSameDialect(withoutForeignContent(call), target),
  describe,
  tokens: openaiTokens,
  catalogue: openaiCatalogue,
};
