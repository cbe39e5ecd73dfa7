import { anthropic } from './anthropic/index.ts';
import { gemini } from './gemini/index.ts';
import { openai } from './openai/index.ts';
import { openaiCompatible } from './openai-compatible/index.ts';
import type { ProviderType } from './provider.ts';
import { sandbox } from './sandbox/index.ts';

/** Every way of speaking to upstreams, in the order of the documentation. A new dialect is one folder and one line here. */
export const providerTypes: readonly ProviderType[] = [openai, gemini, anthropic, openaiCompatible, sandbox];

/** What callers of the API speak, whatever answers them. */
export const clientDialect = openai.dialect;
