import { Catalogue } from '../../plugins/router/catalogue.ts';
import { Decision } from '../../plugins/router/decision.ts';
import { Health } from '../../plugins/router/health.ts';
import type { Needs } from '../../plugins/router/needs.ts';
import { Plan, type PlanCall } from '../../plugins/router/plan.ts';
import { strategies } from '../../plugins/router/strategies/index.ts';
import { createInstance } from '../../providers/instance.ts';
import { openaiCompatible } from '../../providers/openai-compatible/index.ts';
import type { Case } from './harness.ts';

const minute = 60_000;
const provider = createInstance(
  'bench',
  { type: openaiCompatible.type, base_url: 'http://127.0.0.1:9/v1', api_key: 'unused' },
  openaiCompatible,
);
const breakers = {
  consecutive_failures: 5,
  failure_ratio: 0.5,
  min_requests: 20,
  window: minute / 2,
  open_for: 5_000,
  max_open_for: minute,
  rate_limit_rest: 1_000,
  quota_rest: minute,
  credential_rest: minute,
  slow_start: 0,
  max_rest: 60 * minute,
};
const health = new Health(breakers, () => performance.now());

function modelOf(strategy: string, amount: number) {
  const targets = Array.from({ length: amount }, (_, at) => ({ provider: 'bench', model: `model-${at}`, weight: (at % 5) + 1 }));
  return { strategy, targets };
}

const strategyNames = [...strategies.keys()];
const names: Record<string, ReturnType<typeof modelOf>> = {
  one: modelOf('weighted', 1),
  ...Object.fromEntries(strategyNames.map((name) => [name, modelOf(name, 50)])),
};
const catalogue = new Catalogue({
  models: names,
  providers: new Map([[provider.name, provider]]),
  types: [openaiCompatible],
  builtin: () => [],
  random: Math.random,
  ratesOf: () => null,
  stateOf: (target) => health.state(target),
});
const call: PlanCall = {
  operation: 'chat',
  needs: () => needs,
  restrictions: null,
  affinityKey: () => null,
};
const needs: Needs = {
  operation: 'chat',
  input: [],
  output: [],
  tools: false,
  structuredOutput: false,
  inputTokens: 100,
  outputTokens: 0,
};
const tools = { health, random: Math.random };

function routed(name: string, model: string): Case {
  return {
    name,
    run(times) {
      let weight = 0;
      for (let at = 0; at < times; at++) {
        const candidate = new Plan(catalogue.resolve(model), tools, call, new Decision()).next('first')!;
        weight += candidate.target.weight;
        health.succeeded(health.admit(candidate));
      }
      return weight;
    },
  };
}

/** Resolve, plan, select, admit and report one success. */
export const routerCases: readonly Case[] = [
  routed('router, 1 target', 'one'),
  ...strategyNames.map((name) => routed(`router, 50 targets, ${name}`, name)),
];
