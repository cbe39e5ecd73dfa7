// Every row of the fault list and where it is tested. A test stands for a row when its name carries the row's id (`U10: …`);
// `test/project/faults.test.ts` keeps this table, the names and docs/faults.md in step.

/** Files below test/, without `.test.ts`; or why there is no test yet, with the capability that the row waits for. */
export type Fault = { readonly tests: readonly string[] } | { readonly deferred: string };

const by = (...tests: string[]): Fault => ({ tests });
const waits = (deferred: string): Fault => ({ deferred });

/** Rows by their letter: transport, answers, event streams, callers, bodies, shared state, lifecycle, reload, disk, time, load. */
export const rows = { U: 19, A: 16, S: 17, C: 14, I: 12, R: 17, L: 5, K: 6, D: 4, T: 2, P: 5 } as const;

const reload = 'Waits for configuration reload: a running process keeps the configuration it started with.';
const budgets = 'Waits for budgets: nothing is reserved yet, every attempt is only recorded.';
const redis = 'Waits for replicas over Redis: all state is in this process and its SQLite file.';
const cache = 'Waits for the response cache: every call is sent.';

export const faults: Readonly<Record<string, Fault>> = {
  U1: by('e2e/failover', 'e2e/last-target', 'e2e/breaker', 'plugins/upstream/failures'),
  U2: by('e2e/upstream-hangs', 'plugins/upstream/guard', 'plugins/upstream/failures'),
  U3: by('e2e/failover', 'plugins/upstream/failures'),
  U4: by('e2e/upstream-hangs', 'plugins/upstream/tls'),
  U5: by('e2e/failover', 'e2e/last-target', 'plugins/usage/settlement', 'plugins/usage/recovery'),
  U6: by('e2e/last-target', 'plugins/upstream/failures'),
  U7: by('e2e/failover', 'e2e/last-target', 'plugins/upstream/failures'),
  U8: by('e2e/timeouts', 'e2e/failover', 'plugins/usage/settlement'),
  U9: by('e2e/timeouts'),
  U10: by('e2e/truncation', 'e2e/last-target', 'plugins/usage/settlement'),
  U11: by('e2e/truncation', 'providers/openai/passthrough-chat-stream', 'providers/openai/passthrough-responses'),
  U12: by('e2e/failover', 'e2e/last-target', 'plugins/upstream/failures'),
  U13: by('e2e/last-target', 'plugins/upstream/requests'),
  U14: by('e2e/failover', 'e2e/last-target', 'plugins/upstream/requests'),
  U15: by('e2e/last-target', 'plugins/upstream/requests'),
  U16: by('e2e/answers', 'plugins/upstream/encodings'),
  U17: by('e2e/answers', 'e2e/failover', 'plugins/upstream/encodings'),
  U18: by('e2e/breaker', 'plugins/lifecycle/drain'),
  U19: by('e2e/upstream-hangs'),

  A1: by('e2e/rate-limits', 'e2e/failover', 'plugins/router/health-waits'),
  A2: by('e2e/rate-limits', 'providers/wire/retry-after'),
  A3: by('e2e/rate-limits', 'e2e/failover', 'e2e/last-target'),
  A4: by('e2e/failover', 'e2e/last-target', 'plugins/relay/outcome'),
  A5: by('e2e/failover', 'e2e/last-target', 'e2e/failing-targets'),
  A6: by('e2e/failing-targets', 'e2e/last-target', 'plugins/relay/outcome', 'providers/wire/scrub'),
  A7: by('e2e/last-target', 'plugins/router/health', 'plugins/relay/outcome'),
  A8: by('e2e/failing-targets', 'e2e/last-target'),
  A9: by('e2e/failover', 'e2e/last-target', 'providers/wire/failure'),
  A10: by('e2e/failover', 'e2e/last-target', 'providers/wire/failure'),
  A11: by('e2e/failover', 'e2e/last-target', 'providers/openai/passthrough-chat-json'),
  A12: by('e2e/answers', 'e2e/conversions', 'providers/openai/passthrough-chat-json', 'providers/wire/quantities'),
  A13: by('e2e/answers', 'providers/openai/passthrough-chat-stream', 'providers/openai/passthrough-request'),
  A14: by('e2e/answers'),
  A15: by('e2e/answers', 'e2e/endless-answers', 'providers/openai/passthrough-aggregate'),
  A16: by('e2e/fidelity', 'plugins/upstream/requests'),

  S1: by('e2e/splits', 'providers/wire/sse', 'providers/openai/passthrough-chat-stream'),
  S2: by('e2e/splits', 'providers/wire/sse', 'providers/openai/passthrough-chat-stream'),
  S3: by('e2e/splits', 'providers/wire/sse', 'providers/wire/sse-line-ends'),
  S4: by('e2e/sse-fields', 'providers/wire/sse'),
  S5: by('e2e/truncation', 'providers/wire/sse'),
  S6: by('e2e/sse-fields', 'providers/openai/passthrough-chat-stream'),
  S7: by('e2e/sse-fields', 'providers/openai/passthrough-chat-stream'),
  S8: by('e2e/sse-fields', 'providers/wire/sse'),
  S9: by('e2e/sse-fields', 'e2e/failover', 'providers/openai/passthrough-chat-stream'),
  S10: by('e2e/sse-fields', 'e2e/failover', 'providers/openai/passthrough-chat-stream'),
  S11: by('e2e/timeouts', 'providers/openai/passthrough-chat-stream'),
  S12: by('e2e/sse-fields', 'e2e/failover', 'providers/openai/passthrough-chat-stream'),
  S13: by('e2e/conversions', 'providers/openai/passthrough-aggregate', 'providers/openai/passthrough-chat-json'),
  S14: by('e2e/tool-calls', 'providers/openai/codec-stream'),
  S15: by('e2e/sse-fields', 'plugins/relay/error-reply'),
  S16: by('e2e/slow-reader'),
  S17: by('e2e/sse-fields', 'providers/openai/passthrough-aggregate', 'providers/openai/codec-stream'),

  C1: by('e2e/disconnect'),
  C2: by('e2e/disconnect', 'plugins/exchange/plugin'),
  C3: by('e2e/slow-reader'),
  C4: by('e2e/slow-reader', 'plugins/upstream/cancelling', 'e2e/slow-attacks'),
  C5: by('e2e/framing', 'plugins/errors/socket', 'e2e/slow-attacks'),
  C6: by('e2e/limits-at-boot', 'e2e/slow-attacks'),
  C7: by('e2e/framing', 'plugins/errors/socket', 'e2e/framing-corpus'),
  C8: by('e2e/odd-requests', 'e2e/framing'),
  C9: by('e2e/odd-requests', 'e2e/errors', 'plugins/errors/socket'),
  C10: by('e2e/odd-requests', 'e2e/disconnect', 'e2e/limits-at-boot'),
  C11: by('e2e/odd-requests', 'e2e/framing', 'plugins/errors/socket', 'e2e/paths-and-headers'),
  C12: by('e2e/odd-requests', 'e2e/errors', 'e2e/paths-and-headers'),
  C13: by('e2e/odd-requests', 'plugins/relay/call', 'plugins/upstream/requests'),
  C14: waits('Waits for the store of idempotency keys, which comes with the cache: the header is not read, both calls are sent.'),

  I1: by('e2e/errors', 'plugins/body'),
  I2: by('e2e/fidelity', 'plugins/body', 'providers/wire/members'),
  I3: by('e2e/errors', 'plugins/body', 'providers/wire/structure'),
  I4: by('e2e/errors', 'plugins/exchange/body-arrival', 'providers/wire/structure', 'e2e/paths-and-headers'),
  I5: by('e2e/errors', 'plugins/body'),
  I6: by('e2e/errors', 'plugins/body', 'config/yaml', 'providers/openai/passthrough-aggregate'),
  I7: by('e2e/errors', 'schemas/client-api'),
  I8: by('e2e/errors', 'plugins/body'),
  I9: by('e2e/errors', 'plugins/body'),
  I10: by('e2e/fidelity', 'plugins/relay/call', 'providers/openai/passthrough-request'),
  I11: by('e2e/errors', 'plugins/router/catalogue-list', 'providers/openai/passthrough-request'),
  I12: by('e2e/answers'),

  R1: waits(redis),
  R2: waits(redis),
  R3: waits(redis),
  R4: waits(redis),
  R5: waits(redis),
  R6: waits(redis),
  R7: waits(redis),
  R8: waits(budgets),
  R9: waits(budgets),
  R10: waits(budgets),
  R11: waits(budgets),
  R12: waits(cache),
  R13: waits(cache),
  R14: waits(cache),
  R15: waits(cache),
  R16: waits(cache),
  R17: waits('Waits for keys kept in Redis: they are in the configuration and the environment only.'),

  L1: by('e2e/lifecycle', 'e2e/lifecycle/many-streams', 'plugins/lifecycle/drain', 'routes/health'),
  L2: by('e2e/lifecycle'),
  L3: by('e2e/lifecycle', 'e2e/lifecycle/kill'),
  L4: by('e2e/uncaught', 'plugins/lifecycle/last-words'),
  L5: by('e2e/uncaught', 'e2e/lifecycle/event-loop', 'plugins/lifecycle/overload', 'plugins/metrics/plugin'),

  K1: waits(reload),
  K2: waits(reload),
  K3: by('config/yaml'),
  K4: waits(reload),
  K5: waits(reload),
  K6: waits(`${reload} Then also for replicas.`),

  D1: by('plugins/usage/disk-full', 'plugins/usage/journal', 'plugins/usage/slow-disk', 'routes/health', 'e2e/lifecycle'),
  D2: by('plugins/usage/slow-disk'),
  D3: by('plugins/usage/store', 'plugins/usage/journal'),
  D4: by('plugins/usage/store', 'e2e/lifecycle'),

  T1: by('e2e/clock', 'plugins/metrics/plugin'),
  T2: waits(redis),

  P1: waits('Waits for limits of concurrency per key; one limit of calls under way holds for all keys together (P2).'),
  P2: by('plugins/lifecycle/drain'),
  P3: waits(
    'Waits for jitter in Retry-After, which is told exactly. The other two parts are tested: the retry budget (G12) and the single call that probes a target after an outage (U18).',
  ),
  P4: by('e2e/strategies', 'plugins/router/strategies-choice'),
  P5: by('e2e/failing-targets', 'e2e/strategies', 'plugins/router/strategies-choice'),
};
