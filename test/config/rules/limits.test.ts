import { describe, expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

const base = 'providers: { v: { type: vendor, api_key: abc } }\n';
const file = (rest: string) => ({ file: base + rest });

test('limits and budgets stay as written', () => {
  const { config } = load(
    file(`limits:
  algorithm: token_bucket
  global: { requests_per_minute: 1000 }
  per_ip: { concurrent_requests: 5 }
  models: { "v/*": { tokens_per_day: 5000000 } }
budgets:
  global: [{ amount_usd: 12.5, period: month }]
  alert_at: [0.5, 1]
alerts:
  timeout: 2s
  webhooks: [{ url: "https://hooks.example.com/t/abc", secret: "0123456789abcdefXY" }]
`),
  );
  expect(config.limits).toMatchObject({
    algorithm: 'token_bucket',
    global: { requests_per_minute: 1_000 },
    per_ip: { concurrent_requests: 5 },
    models: { 'v/*': { tokens_per_day: 5_000_000 } },
    assumed_output_tokens: 4_096,
  });
  expect(config.budgets).toEqual({ global: [{ amount_usd: 12.5, period: 'month' }], alert_at: [0.5, 1] });
  expect(config.alerts.timeout).toBe(2_000);
});

describe('refused with the place and what to do', () => {
  test.each([
    ['budgets: { global: [{ period: day }] }', 'budgets.global[0]', /limits nothing/],
    ['budgets: { global: [{ amount_usd: 1, tokens: 5, period: day }] }', 'budgets.global[0]', /amount_usd and tokens/],
    ['budgets: { global: [{ amount_usd: 1, period: year }] }', 'budgets.global[0].period', /./],
    ['budgets: { alert_at: [0.8, 0.8] }', 'budgets.alert_at[1]', /twice/],
    ['budgets: { alert_at: [0] }', 'budgets.alert_at[0]', /./],
    ['limits: { algorithm: leaky }', 'limits.algorithm', /./],
    ['limits: { global: { requests_per_minute: 1.5 } }', 'limits.global.requests_per_minute', /./],
    ['limits: { global: { requests_per_hour: 5 } }', 'limits.global.requests_per_hour', /./],
    ['limits: { models: { "v*x": {} } }', 'limits.models["v*x"]', /pattern/],
    ['limits: { assumed_output_tokens: 0 }', 'limits.assumed_output_tokens', /./],
    ['alerts: { webhooks: [{ url: "http://169.254.169.254/latest" }] }', 'alerts.webhooks[0].url', /metadata/],
    ['alerts: { webhooks: [{ url: "ftp://hooks.example.com" }] }', 'alerts.webhooks[0].url', /./],
    ['alerts: { webhooks: [{ url: "https://hooks.example.com", secret: short }] }', 'alerts.webhooks[0].secret', /./],
  ])('%s', (text, path, message) => {
    const problem = onlyProblem(file(text));
    expect(problem.path).toBe(path);
    expect(problem.message).toMatch(message);
  });
});

test('a limit of a model that nobody has is a warning', () => {
  const warnings = (models: string) =>
    load(file(`models: { smart: { targets: [{ provider: v, model: x }] } }\nlimits: { models: ${models} }`)).warnings;
  const about = (models: string) => warnings(models).filter((each) => each.startsWith('limits.models'));
  expect(about('{ smrat: { requests_per_minute: 1 } }')).toHaveLength(1);
  expect(about('{ smart: {}, "smart*": {}, "sm*": {}, "*": {}, v/x: {}, "v/*": {} }')).toEqual([]);
});
