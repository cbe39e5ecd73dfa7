import type { ProviderDefaults } from '../provider.ts';

// Data only: what a server is called, where it is, and where it departs from the API it is compatible with. Sources are the
// vendors' own API references; docs/providers.md says which entries were also checked against recorded answers.

/** The older name of the limit; the server does not know, or refuses, `max_completion_tokens`. */
const OLD_LIMIT = { max_completion_tokens: 'max_tokens' } as const;

/** A server on the operator's own machines: no key needed, its models are whatever it was started with. */
const local = (base_url: string, more: ProviderDefaults = {}): ProviderDefaults => ({
  base_url,
  operations: ['chat', 'embeddings', 'responses'],
  keyless: true,
  vendorHost: false,
  ...more,
});

/** A vendor's public endpoint. */
const vendor = (base_url: string, keyVariable: string, more: ProviderDefaults = {}): ProviderDefaults => ({
  base_url,
  operations: ['chat'],
  keyless: false,
  vendorHost: true,
  keyVariable,
  ...more,
});

export const presets: Readonly<Record<string, ProviderDefaults>> = {
  ollama: local('http://127.0.0.1:11434/v1', { renames: OLD_LIMIT }),
  vllm: local('http://127.0.0.1:8000/v1'),
  'lm-studio': local('http://127.0.0.1:1234/v1', { renames: OLD_LIMIT }),
  'llama-cpp': local('http://127.0.0.1:8080/v1', { operations: ['chat', 'embeddings'] }),

  // Every customer has a host of their own: the loader refuses a host in capitals and asks for the real one.
  azure: vendor('https://RESOURCE.openai.azure.com/openai/v1', 'AZURE_OPENAI_API_KEY', {
    version: 'openai/v1',
    auth: { header: 'api-key', scheme: '' },
    operations: ['chat', 'embeddings', 'responses'],
    priceProvider: 'azure',
  }),
  groq: vendor('https://api.groq.com/openai/v1', 'GROQ_API_KEY', {
    version: 'openai/v1',
    operations: ['chat', 'responses'],
    priceProvider: 'groq',
  }),
  mistral: vendor('https://api.mistral.ai/v1', 'MISTRAL_API_KEY', {
    operations: ['chat', 'embeddings'],
    priceProvider: 'mistral',
    // Unknown fields are refused with 422; usage comes with the last chunk of every stream.
    stream_usage: false,
    renames: { ...OLD_LIMIT, seed: 'random_seed' },
  }),
  deepseek: vendor('https://api.deepseek.com', 'DEEPSEEK_API_KEY', {
    version: '',
    operations: ['chat', 'responses'],
    priceProvider: 'deepseek',
    renames: OLD_LIMIT,
  }),
  openrouter: vendor('https://openrouter.ai/api/v1', 'OPENROUTER_API_KEY', {
    version: 'api/v1',
    operations: ['chat', 'embeddings', 'responses'],
    priceProvider: 'openrouter',
  }),
  xai: vendor('https://api.x.ai/v1', 'XAI_API_KEY', { operations: ['chat', 'responses'], priceProvider: 'x-ai' }),
  together: vendor('https://api.together.xyz/v1', 'TOGETHER_API_KEY', {
    operations: ['chat', 'embeddings'],
    priceProvider: 'together',
    renames: OLD_LIMIT,
  }),
  fireworks: vendor('https://api.fireworks.ai/inference/v1', 'FIREWORKS_API_KEY', {
    version: 'inference/v1',
    operations: ['chat', 'embeddings', 'responses'],
    priceProvider: 'fireworks',
  }),
  cerebras: vendor('https://api.cerebras.ai/v1', 'CEREBRAS_API_KEY', { priceProvider: 'cerebras' }),
  perplexity: vendor('https://api.perplexity.ai', 'PERPLEXITY_API_KEY', {
    version: '',
    priceProvider: 'perplexity',
    // No model list; usage comes with every chunk.
    catalogue: false,
    stream_usage: false,
    renames: OLD_LIMIT,
  }),
  nvidia: vendor('https://integrate.api.nvidia.com/v1', 'NVIDIA_API_KEY', {
    operations: ['chat', 'embeddings'],
    renames: OLD_LIMIT,
  }),
};
