import { translateThroughPivot } from '../pivot/translate.ts';
import type { ProviderType } from '../provider.ts';
import { secretsOfProvider } from '../secrets.ts';
import { geminiCatalogue } from './catalogue.ts';
import { GeminiChat } from './chat.ts';
import { DIALECT } from './dialect.ts';
import { translateEmbeddings } from './embeddings.ts';
import { fields } from './fields.ts';
import { describe } from './models.ts';
import { prefixes } from './prefixes.ts';
import { geminiTokens } from './tokens.ts';

/**
 * The Gemini API in its own words (`generateContent`, `embedContent`, `cachedContents`). Vertex AI is the same with
 * `base_url: https://aiplatform.googleapis.com/v1/projects/P/locations/L/publishers/google`, `version: ""`, a token as `api_key`
 * and `auth: { header: authorization, scheme: Bearer }`.
 */
export const gemini: ProviderType = {
  type: 'gemini',
  dialect: DIALECT,
  defaults: {
    base_url: 'https://generativelanguage.googleapis.com/v1beta',
    version: 'v1beta',
    auth: { header: 'x-goog-api-key', scheme: '' },
    operations: ['chat', 'embeddings'],
    catalogue: true,
    vendorHost: true,
    priceProvider: 'google',
    keyVariable: 'GEMINI_API_KEY',
    exampleModel: 'gemini-2.5-flash',
  },
  presets: {},
  speaks: ['chat', 'embeddings'],
  environment: [{ provider: 'gemini', apiKey: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'], baseUrl: ['GEMINI_BASE_URL'] }],
  // The compatibility endpoint, which the presets of earlier versions spoke to.
  foreignPaths: [
    {
      end: '/openai',
      hint: 'cut /openai off, or use type: openai-compatible (api_key and base_url as they are) to go on speaking the OpenAI API to it',
    },
  ],
  translate(call, target, context) {
    if (!target.provider.operations.has(call.operation)) return null;
    const secrets = secretsOfProvider(target.provider);
    switch (call.operation) {
      case 'chat':
        return translateThroughPivot(call, target, new GeminiChat(target, secrets, call.body.cut), context);
      case 'embeddings':
        return translateEmbeddings(call, target, secrets);
      default:
        return null;
    }
  },
  fields,
  describe,
  prefixes,
  tokens: geminiTokens,
  catalogue: geminiCatalogue,
};
