import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// npm run test:clients: the official clients for JavaScript and Python, the AI SDK and LangChain through the built gateway,
// against servers written by others and against every way a stream can break; and both listeners against the API document.
// With arguments only the suites whose names have one of them. Ends with one line, `N passed, N failed`.

const here = import.meta.dirname;
const root = join(here, '../..');
const pinned = join(root, 'node_modules/.bin/node');

if (Number(process.versions.node.split('.')[0]) < 24) {
  // The helpers are TypeScript, which the Node that comes with the install reads as it is.
  process.exit(spawnSync(pinned, [import.meta.filename, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1);
}

const { startUpstream } = await import('../helper/upstream.ts');
const { startProcess } = await import('../helper/process.ts');
const { freePort } = await import('../helper/ports.ts');
const { cutScript } = await import('../helper/cuts.ts');
const { startDialectGateway } = await import('./dialect-gateway.mjs');
const { plan } = await import('./plan.mjs');
const table = await import('./table.mjs');

const venv = join(root, '.venv');
const python = join(venv, 'bin/python');
const asked = process.argv.slice(2);
const closers = [];
let passed = 0;
const failed = [];

/** Ends what was started; also when this run is interrupted. */
async function closeAll() {
  for (const close of closers.splice(0).reverse()) await close();
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    void closeAll().finally(() => process.exit(1));
  });
}

/** Runs a command to its end; resolves with its standard output, rejects with what it said when it failed. */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', LANGSMITH_TRACING: 'false' };
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    closers.push(() => child.kill());
    let out = '';
    let problems = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      problems += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${command} ${args[0]} ended with ${code}: ${problems.slice(-2000)}`)),
    );
  });
}

/** The virtual environment with the pinned packages, made anew only when they change. */
async function preparePython() {
  const requirements = join(here, 'requirements.txt');
  const stamp = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const stampFile = join(venv, '.requirements');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  console.log('Installing the Python packages of test/clients/requirements.txt into .venv ...');
  await run('python3', ['-m', 'venv', '--clear', venv]).catch((error) => {
    throw new Error(`A Python 3.10 or newer with its venv module is needed (Debian: apt install python3-venv). ${error.message}`);
  });
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  writeFileSync(stampFile, stamp);
}

/** A mock server of the npm package aimock; resolves with its base URL. */
async function startAimock() {
  const { LLMock } = await import('@copilotkit/aimock');
  const mock = new LLMock({ port: 0 });
  mock.onMessage('hello', { content: 'Hi there, 東京 👋!' });
  mock.onMessage('weather', { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Oslo"}' }] });
  mock.onMessage('city', { content: '{"name":"Oslo"}' });
  mock.onEmbedding('vector', { embedding: [0.1, -0.25, 0.5] });
  await mock.start();
  closers.push(() => mock.stop());
  return `${mock.url}/v1`;
}

/** A mock server of the PyPI package llmock; resolves with its base URL. */
async function startLlmock() {
  const port = await freePort();
  const child = spawn(
    join(venv, 'bin/llmock'),
    ['serve', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'warning'],
    { stdio: 'ignore' },
  );
  closers.push(() => child.kill());
  const url = `http://127.0.0.1:${port}/v1`;
  for (let tries = 0; tries < 200; tries++) {
    const up = await fetch(`${url}/models`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return url;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('llmock did not answer within 20 s.');
}

const never = 1_000_000_000;

async function startGateway(urls) {
  const providers = Object.entries(urls).map(
    ([name, url]) =>
      `  ${name}: { type: openai-compatible, base_url: '${url}', api_key: sk-upstream-0123456789abcdef, catalogue: false, operations: [chat, embeddings, responses] }\n`,
  );
  const models = Object.keys(urls).map((name) => {
    const model = name === 'llmock' ? 'gpt-4o' : 'up-1';
    return `  ${name}: { targets: [{ provider: ${name}, model: ${model} }] }\n`;
  });
  const file = `providers:\n${providers.join('')}models:\n${models.join('')}retries: { max_attempts: 1 }
auth: { options: [explain] }
health: { consecutive_failures: ${never}, failure_ratio: 1, min_requests: ${never} }\n`;
  const gateway = await startProcess({ file, env: { LOG_LEVEL: 'silent' } });
  closers.push(() => gateway.close());
  return gateway;
}

/** Runs one suite; what it prints last is its result. */
async function suite(name, command, args) {
  if (asked.length > 0 && !asked.some((each) => name.includes(each))) return;
  const began = performance.now();
  try {
    const result = JSON.parse((await run(command, args)).trim().split('\n').at(-1));
    for (const note of result.notes ?? []) console.log(note);
    passed += result.passed;
    failed.push(...result.failed.map((message) => `${name}: ${message}`));
    for (let hidden = result.failed.length; hidden < result.failures; hidden++) failed.push(`${name}: one more`);
    console.log(
      `${name}: ${result.passed} passed, ${result.failures} failed (${((performance.now() - began) / 1000).toFixed(0)} s)`,
    );
  } catch (error) {
    failed.push(`${name}: ${error.message}`);
    console.log(`${name}: ${error.message}`);
  }
}

try {
  await preparePython();
  const grid = await startUpstream(cutScript, { forget: true });
  closers.push(() => grid.close());
  const gateway = await startGateway({ grid: grid.url, aimock: await startAimock(), llmock: await startLlmock() });
  const base = `${gateway.url}/v1`;
  await suite('features, JavaScript', pinned, [join(here, 'features.mjs'), base]);
  await suite('features, Python', python, [join(here, 'features.py'), base]);
  const vendors = await startDialectGateway();
  closers.push(() => vendors.close());
  const dialects = (file) => [join(here, file), vendors.base, table.plan, vendors.key];
  await Promise.all([
    suite('dialects, JavaScript', pinned, dialects('dialects.mjs')),
    suite('dialects, Python', python, dialects('dialects.py')),
  ]);
  await Promise.all([
    suite('dialects, AI SDK', pinned, dialects('ai-sdk.mjs')),
    suite('dialects, LangChain', python, dialects('langchain_standard.py')),
  ]);
  const streams = JSON.stringify(plan());
  await Promise.all([
    suite('G4 grid, JavaScript', pinned, [join(here, 'grid.mjs'), base, streams]),
    suite('G4 grid, Python', python, [join(here, 'grid.py'), base, streams]),
  ]);
  await suite('G6 conformance', pinned, [join(here, 'schemathesis.mjs')]);
} catch (error) {
  failed.push(error.message);
}
await closeAll();
for (const message of failed.slice(0, 50)) console.log(`FAILED ${message}`);
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length === 0 && passed > 0 ? 0 : 1);
