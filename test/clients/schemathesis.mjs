import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '../helper/process.ts';

// G6: what the API document says against what both listeners do. schemathesis makes right and wrong requests out of the document
// and holds every answer against it. The sandbox answers for the models. Prints {"passed", "failed", "failures", "notes"}:
// requests whose answer conforms, ways in which one did not.
//
// FUZZ_SEED is another seed than 1; FUZZ_RUNS makes the run longer: with 2,500 it is as long as usual.

const here = import.meta.dirname;
const root = join(here, '../..');
const scale = Number(process.env.FUZZ_RUNS ?? 2_500) / 2_500;
const seed = process.env.FUZZ_SEED ?? '1';
const gatewayKey = 'sk-postern-conform-Qw3rTy7uIoP1aSdF';
const adminKey = 'conform-admin-9mNbVcXzLkJhGfDs';

/** Made-up requests per operation, beside those that cover its document. */
const usual = { entitled: 60, everybody: 60, stranger: 8 };
/** What is deleted is gone (`use_after_free`), what was made is there (`ensure_resource_availability`). */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'use_after_free',
  'ensure_resource_availability',
  'error_envelope',
];
const checksOf = {
  entitled: [...checks, 'positive_data_acceptance', 'negative_data_rejection', 'ignored_auth'],
  /** Where nobody needs a key. */
  everybody: [...checks, 'positive_data_acceptance', 'negative_data_rejection'],
  stranger: [...checks, 'strangers_are_refused'],
};

/** Wrong values may be refused for their size as well. Right ones are taken, but for ids and cursors that nobody gave out. */
const settings = `[checks]
negative_data_rejection.expected-statuses = ["400", "401", "404", "413", "414", "415", "431"]
positive_data_acceptance.expected-statuses = ["2xx", "304", "431"]

[[operations]]
include-path = "/v1/models/{id}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "431"]

[[operations]]
include-path = "/admin/v1/models"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "431"]

[[operations]]
include-path = "/admin/v1/exchanges"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "431"]

[[operations]]
include-path = "/admin/v1/exchanges/{id}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "431"]

[[operations]]
include-path = "/admin/v1/attempts"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "431"]

[[operations]]
include-path = "/admin/v1/usage"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "431"]

[[operations]]
include-path = "/v1/usage"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "431"]

[[operations]]
include-path = "/admin/v1/explain"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "431"]

[[operations]]
include-path = "/admin/v1/context-caches"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "431"]

[[operations]]
include-path = "/admin/v1/context-caches/{provider}/{id}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "431"]

[[operations]]
include-path = "/admin/v1/keys"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "431"]

[[operations]]
include-path = "/admin/v1/keys/{id}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "412", "431"]

[[operations]]
include-path = "/admin/v1/keys/{id}/rotate"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "412", "431"]

[[operations]]
include-path = "/admin/v1/teams"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "409", "431"]

[[operations]]
include-path = "/admin/v1/teams/{id}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "412", "431"]

[[operations]]
include-path = "/admin/v1/admin_keys"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "431"]

[[operations]]
include-path = "/admin/v1/admin_keys/{id}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "431"]

[[operations]]
include-path = "/admin/v1/providers/{name}/keys"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "431"]

[[operations]]
include-path = "/admin/v1/providers/{name}/keys/{id}"
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "431"]
`;

const never = 1_000_000_000;
const file = `providers: { sandbox: { type: sandbox } }
models:
  smart: { targets: [{ provider: sandbox, model: echo }] }
auth: { options: [require_parameters, order, only, ignore, fallbacks, max_price, timeout, explain], failed_attempts: { max: ${never}, window: 1m } }
management: { failed_attempts: { max: ${never}, window: 1m } }
health: { consecutive_failures: ${never}, failure_ratio: 1, min_requests: ${never}, max_rest: 0s }
`;

/** Models that are there: a name made up at random is a 404 and shows nothing else. */
const chatModels = ['sandbox/echo', 'sandbox/tools', 'smart'];
const served = {
  '/v1/chat/completions': chatModels,
  '/v1/embeddings': ['sandbox/embed'],
  '/v1/responses': chatModels,
};

const folder = mkdtempSync(join(tmpdir(), 'postern-conform-'));
const closers = [() => rmSync(folder, { recursive: true, force: true })];
let passed = 0;
const notes = [];
const failed = [];

async function closeAll() {
  for (const close of closers.splice(0).reverse()) await close();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void closeAll().finally(() => process.exit(1)));

async function startGateway(env) {
  const gateway = await startProcess({ file, env: { LOG_LEVEL: 'error', ...env } });
  closers.push(() => gateway.close());
  const document = await (await fetch(`${gateway.managementUrl}/openapi.json`)).json();
  return { gateway, document };
}

/** Bodies that the sandbox answers, of those that the API takes. */
function narrow(path, schema) {
  if (schema === undefined || served[path] === undefined) return;
  const { model, dimensions, input, gateway } = schema.properties;
  model.enum = served[path];
  // Names of providers and targets, prices and times of which something is left cannot be made up.
  for (const option of ['order', 'only', 'ignore', 'fallbacks', 'max_price', 'timeout']) delete gateway.properties[option];
  // Its bounds are beyond 2^53, where the next integer is the same number in JSON: no value is just outside.
  delete schema.properties.seed;
  if (dimensions !== undefined) dimensions.maximum = 4_096;
  if (path === '/v1/responses') {
    schema.required.push('input');
    input.anyOf = input.anyOf.filter((one) => one.type !== 'null');
    for (const one of input.anyOf) if (one.type === 'array') one.minItems = 1;
  }
}

/** The part of the document that one listener serves, made so that every answer has to be in it. */
function documentFor(document, url) {
  const paths = Object.entries(structuredClone(document.paths)).filter(([, item]) =>
    item.servers.some((each) => each.url === url),
  );
  for (const [path, item] of paths) {
    narrow(path, item.post?.requestBody?.content?.['application/json']?.schema);
    for (const { responses } of Object.values(item)) {
      if (responses === undefined) continue;
      // With it every status would be documented. A head that is too large is refused whatever it asks for.
      responses[431] = responses.default;
      delete responses.default;
      // The schema is that of the whole stream, as OpenAPI 3.1 has it, and not of its events.
      delete responses[200]?.content?.['text/event-stream']?.schema;
    }
  }
  return { ...document, servers: [{ url }], paths: Object.fromEntries(paths) };
}

/** Runs schemathesis to its end; resolves with everything it said. */
function schemathesis(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(root, '.venv/bin/schemathesis'), args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...env,
        PYTHONPATH: here,
        PYTHONDONTWRITEBYTECODE: '1',
        SCHEMATHESIS_HOOKS: 'conformance',
        NO_PROXY: '127.0.0.1',
      },
    });
    const timer = setTimeout(() => child.kill(), 90_000 * Math.max(1, scale));
    closers.push(() => child.kill());
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}

/** Holds one listener against its part of the document; `key`: what callers send, null for nothing. */
async function conform({ name, document, url, key, access, admin = 'on' }) {
  const id = name.replaceAll(/\W+/g, '-');
  const [written, report] = [join(folder, `${id}.json`), join(folder, `${id}-report.json`)];
  writeFileSync(written, JSON.stringify(documentFor(document, url)));
  const began = performance.now();
  const credentials =
    key === null ? ['--generation-with-security-parameters', 'false'] : ['--header', `Authorization: Bearer ${key}`];
  const examples = Math.max(1, Math.round(usual[access] * scale));
  const said = await schemathesis(
    [
      ...['--config-file', config, 'run', written, '--url', url, ...credentials],
      ...[
        '--checks',
        checksOf[access].join(','),
        '--phases',
        'examples,coverage,fuzzing,stateful',
        '--max-examples',
        `${examples}`,
      ],
      ...['--seed', seed, '--generation-database', 'none', '--continue-on-failure', '--no-color', '--request-timeout', '20'],
      ...['--suppress-health-check', 'all', '--warnings', 'off', '--report', 'json', '--report-json-path', report],
    ],
    { CONFORM_ACCESS: access, CONFORM_ADMIN: admin, HYPOTHESIS_STORAGE_DIRECTORY: join(folder, id) },
  );
  const { operations, test_cases: cases, failures, errors } = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};
  if (cases === undefined) {
    failed.push(`${name}: schemathesis did not finish: ${said.slice(-3_000)}`);
    return;
  }
  const sound = cases.generated - cases.with_failures - cases.errored;
  passed += sound;
  for (const { title, count, operations: where } of failures)
    failed.push(`${name}: ${title}, ${count} times, ${where.join(', ')} (seed ${seed})`);
  for (const error of errors) failed.push(`${name}: ${JSON.stringify(error).slice(0, 500)}`);
  const left = operations.total - operations.tested;
  if (left > 0) failed.push(`${name}: ${left} operations are not tested`);
  if (failures.length + errors.length > 0) failed.push(`${name}: ${said.slice(0, 8_000)}`);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  notes.push(`${name}: ${operations.tested} operations, ${cases.generated} requests, ${failures.length} failures (${seconds} s)`);
}

const config = join(folder, 'schemathesis.toml');
try {
  writeFileSync(config, settings);
  const keyed = await startGateway({ GATEWAY_API_KEYS: `ops=${gatewayKey}`, ADMIN_API_KEY: adminKey });
  const open = await startGateway({});
  notes.push(`conformance: FUZZ_SEED=${seed} FUZZ_RUNS=${Math.round(2_500 * scale)}`);
  const api = { document: keyed.document, url: keyed.gateway.url };
  const management = { document: keyed.document, url: keyed.gateway.managementUrl };
  const openApi = { document: open.document, url: open.gateway.url };
  const openManagement = { document: open.document, url: open.gateway.managementUrl, admin: 'off' };
  const lanes = [
    [
      { ...api, name: 'API, gateway key', key: gatewayKey, access: 'entitled' },
      { ...api, name: 'API, admin key', key: adminKey, access: 'stranger' },
      { ...management, name: 'management, gateway key', key: gatewayKey, access: 'stranger' },
      { ...management, name: 'management, no key', key: null, access: 'stranger' },
    ],
    [
      { ...openApi, name: 'API without keys', key: null, access: 'everybody' },
      { ...management, name: 'management, admin key', key: adminKey, access: 'entitled' },
      { ...api, name: 'API, no key', key: null, access: 'stranger' },
      { ...openManagement, name: 'management without keys', key: null, access: 'stranger' },
    ],
  ];
  // Two at a time, for two cores.
  await Promise.all(
    lanes.map(async (lane) => {
      for (const each of lane) await conform(each);
    }),
  );
  for (const { gateway } of [keyed, open]) {
    const lines = gateway.stdout().trim();
    if (lines !== '') failed.push(`a gateway logged errors: ${lines.slice(0, 1_000)}`);
  }
} catch (error) {
  failed.push(error.stack);
}
await closeAll();
console.log(JSON.stringify({ passed, failed: failed.slice(0, 20), failures: failed.length, notes }));
