import { Decision } from '../../plugins/router/decision.ts';
import { Plan, type PlanCall } from '../../plugins/router/plan.ts';
import { strategies } from '../../plugins/router/strategies/index.ts';
import type { Case } from './harness.ts';
import { catalogueOf, health, needs } from './routing.ts';

function modelOf(strategy: string, amount: number) {
  const targets = Array.from({ length: amount }, (_, at) => ({ provider: 'bench', model: `model-${at}`, weight: (at % 5) + 1 }));
  return { strategy, targets };
}

const strategyNames = [...strategies.keys()];
const names: Record<string, ReturnType<typeof modelOf>> = {
  one: modelOf('weighted', 1),
  ...Object.fromEntries(strategyNames.map((name) => [name, modelOf(name, 50)])),
};
const catalogue = catalogueOf(names, null);
const call: PlanCall = {
  operation: 'chat',
  needs: () => needs,
  restrictions: null,
  affinityKey: () => null,
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
