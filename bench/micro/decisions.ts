import { render } from '../../plugins/explain/document.ts';
import { DecisionRecorder, type DecisionSource } from '../../plugins/explain/record.ts';
import { Decision } from '../../plugins/router/decision.ts';
import type { Needs } from '../../plugins/router/needs.ts';
import { Plan } from '../../plugins/router/plan.ts';
import { ratesFromConfig } from '../../plugins/usage/money.ts';
import type { Case } from './harness.ts';
import { catalogueOf, health, needs as plainNeeds, provider } from './routing.ts';

const rates = ratesFromConfig({ input: 0.75, output: 4.5 });
const targetsOf = (amount: number) =>
  Array.from({ length: amount }, (_, at) => ({ provider: provider.name, model: `model-of-usual-length-${at}`, weight: 1 + at }));
const catalogue = catalogueOf(
  { two: { strategy: 'weighted', targets: targetsOf(2) }, fifty: { strategy: 'weighted', targets: targetsOf(50) } },
  rates,
);
const needs: Needs = { ...plainNeeds, tools: true, inputTokens: 2_000, outputTokens: 500 };

/** A call that was answered at once, by a target of which everything is known. */
function decided(model: string): Decision {
  const decision = new Decision();
  const route = catalogue.resolve(model);
  for (const { state } of route.groups[0]!.candidates) {
    state.latency.observe(412.123, performance.now());
    state.uptime.observe(0.98);
    state.cacheShare.observe(0.3141);
    state.outputTokens.observe(148.3);
  }
  const call = { operation: 'chat', needs: () => needs, restrictions: null, affinityKey: () => null } as const;
  const candidate = new Plan(route, { health, random: Math.random }, call, decision).next('first')!;
  decision.sends.push({
    candidate,
    purpose: 'first',
    credential: '1',
    at: 0.3123,
    row: 123_456,
    firstByte: 401.1234,
    firstContent: 402.3456,
    ended: 812.4567,
    outcome: 'ok',
    reason: null,
  });
  return decision;
}

const began = performance.now();
const source: DecisionSource = {
  id: 'ex_1m840at10000020tf8vq',
  requestId: 'ex_1m840at10000020tf8vq',
  startedAt: began,
  startedWall: 1_793_750_400_000,
  endedAt: began + 813.21,
  operation: 'chat',
  stream: false,
  model: 'two',
  principal: { keyId: 'key_bench' },
  outcome: 'ok',
  reason: null,
  status: 200,
  costNano: 808_500,
};
const recorder = new DecisionRecorder(() => rates, 'c0ffee123456');

function recorded(name: string, model: string): Case {
  const decision = decided(model);
  return {
    name,
    run(times) {
      let characters = 0;
      for (let at = 0; at < times; at++) characters += recorder.record(source, decision).length;
      return characters;
    },
  };
}

/** Written down and handed to another thread in hundreds, as the ledger does it. The text is made one piece for that. */
function handedOver(name: string, model: string): Case {
  const decision = decided(model);
  const { port1, port2 } = new MessageChannel();
  port1.unref();
  port2.unref();
  let decisions: string[] = [];
  return {
    name,
    run(times) {
      for (let at = 0; at < times; at++) {
        decisions.push(recorder.record(source, decision));
        if (decisions.length < 100) continue;
        port1.postMessage({ decisions });
        decisions = [];
      }
      return decisions;
    },
    close() {
      port1.close();
      port2.close();
    },
  };
}

function named(name: string, model: string): Case {
  const record = recorder.record(source, decided(model));
  return {
    name,
    run(times) {
      let characters = 0;
      for (let at = 0; at < times; at++) characters += JSON.stringify(render(record)).length;
      return characters;
    },
  };
}

/** What each call costs the event loop for its decision to be kept. */
export const decisionCases: readonly Case[] = [
  recorded('decision, 2 targets, written down', 'two'),
  recorded('decision, 50 targets, written down', 'fifty'),
  handedOver('decision, 2 targets, written down and handed over', 'two'),
  named('decision, 2 targets, a record as a document', 'two'),
];
