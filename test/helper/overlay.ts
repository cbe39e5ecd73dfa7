// Configurations for tests, written as in a file.

/** The upstream credential of every test provider; it must never be seen by a caller. */
export const upstreamKey = 'sk-upstream-CANARY-0123456789abcdef';

/** One provider entry that speaks to a scripted upstream. */
export function provider(baseUrl: string, extra: object = {}): object {
  return {
    type: 'openai-compatible',
    base_url: baseUrl,
    api_key: upstreamKey,
    operations: ['chat', 'embeddings', 'responses'],
    catalogue: false,
    ...extra,
  };
}

/** Providers by name, in this order of preference, behind the model `m`; upstream model `up-1`. */
export function inPriority(urls: Readonly<Record<string, string>>, extra: object = {}): object {
  const names = Object.keys(urls);
  return {
    providers: Object.fromEntries(names.map((name) => [name, provider(urls[name]!)])),
    models: { m: { strategy: 'priority', targets: names.map((name) => ({ provider: name, model: 'up-1' })) } },
    ...extra,
  };
}

/** Health settings with which no breaker ever opens. */
export const neverOpen = {
  consecutive_failures: 1_000_000_000,
  failure_ratio: 1,
  min_requests: 1_000_000_000,
  quota_rest: '1ms',
  credential_rest: '1ms',
};

/** One target that is never put aside, however often it fails; one attempt each. */
export function patient(baseUrl: string, extra: object = {}): object {
  return inPriority(
    { up: baseUrl },
    { retries: { max_attempts: 1 }, health: neverOpen, server: { keep_alive_comments: '0s' }, ...extra },
  );
}

/** A chat request of a few words. */
export function ask(extra: object = {}): Record<string, unknown> {
  return { model: 'm', messages: [{ role: 'user', content: 'Say hello.' }], ...extra };
}
