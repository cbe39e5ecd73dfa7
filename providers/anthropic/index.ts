import { translateThroughPivot } from '../pivot/translate.ts';
import type { ProviderType } from '../provider.ts';
import { messagesBack } from './back.ts';
import { catalogueOf } from './catalogue.ts';
import { DIALECT } from './dialect.ts';
import { fields } from './fields.ts';
import { describe } from './models.ts';
import { anthropicTokens } from './tokens.ts';

/** Anthropic's own API, and whatever else answers `POST /v1/messages`. */
export const anthropic: ProviderType = {
  type: 'anthropic',
  dialect: DIALECT,
  defaults: {
    base_url: 'https://api.anthropic.com/v1',
    version: 'v1',
    auth: { header: 'x-api-key', scheme: '' },
    headers: { 'anthropic-version': '2023-06-01' },
    operations: ['chat'],
    catalogue: true,
    vendorHost: true,
    priceProvider: 'anthropic',
    keyVariable: 'ANTHROPIC_API_KEY',
    exampleModel: 'claude-haiku-4-5',
  },
  presets: {},
  speaks: ['chat'],
  environment: [{ provider: 'anthropic', apiKey: ['ANTHROPIC_API_KEY'], baseUrl: ['ANTHROPIC_BASE_URL'] }],
  translate: (call, target, context) =>
    call.operation === 'chat' ? translateThroughPivot(call, target, messagesBack(target), context) : null,
  fields,
  describe,
  tokens: anthropicTokens,
  catalogue: catalogueOf,
};
