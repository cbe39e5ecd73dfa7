import { Catalogue } from '../../plugins/router/catalogue.ts';
import { Health } from '../../plugins/router/health.ts';
import type { Needs } from '../../plugins/router/needs.ts';
import type { Rates } from '../../plugins/usage/money.ts';
import { createInstance } from '../../providers/instance.ts';
import { openaiCompatible } from '../../providers/openai-compatible/index.ts';
import type { Config } from '../../schemas/config.ts';

// What choices among targets are measured on.

export const provider = createInstance(
  'bench',
  { type: openaiCompatible.type, base_url: 'http://127.0.0.1:9/v1', api_key: 'unused' },
  openaiCompatible,
);

export const health = new Health(
  {
    consecutive_failures: 5,
    failure_ratio: 0.5,
    min_requests: 20,
    window: 30_000,
    open_for: 5_000,
    max_open_for: 60_000,
    rate_limit_rest: 1_000,
    quota_rest: 300_000,
    credential_rest: 60_000,
    max_rest: 3_600_000,
    slow_start: 10_000,
  },
  () => performance.now(),
);

/** The models, whose targets all have the same price. */
export function catalogueOf(models: Config['models'], rates: Rates | null): Catalogue {
  return new Catalogue({
    models,
    providers: new Map([[provider.name, provider]]),
    types: [openaiCompatible],
    builtin: () => [],
    random: Math.random,
    ratesOf: () => rates,
    stateOf: (target) => health.state(target),
  });
}

/** Of a plain chat of some words. */
export const needs: Needs = {
  operation: 'chat',
  input: [],
  output: [],
  tools: false,
  structuredOutput: false,
  inputTokens: 100,
  outputTokens: 0,
};
