import { startProcess } from '../helper/process.ts';
import { startMock } from './mock/front.mjs';
import { dialects, models } from './table.mjs';

const never = 1_000_000_000;
const key = 'sk-postern-clients-0123456789abcdef';
const types = { openai: 'openai-compatible', gemini: 'gemini', anthropic: 'anthropic' };

/** A gateway in front of one mock server of each dialect; its providers are called as their dialects. */
export async function startDialectGateway() {
  const mocks = await Promise.all(dialects.map((dialect) => startMock(dialect)));
  const providers = dialects.map((dialect, index) => {
    const operations = dialect === 'anthropic' ? '[chat]' : '[chat, embeddings]';
    const served = `[${[...new Set(Object.values(models[dialect]))].join(', ')}]`;
    return `  ${dialect}: { type: ${types[dialect]}, base_url: '${mocks[index].url}', api_key: sk-upstream-0123456789abcdef, catalogue: false, operations: ${operations}, models: ${served} }\n`;
  });
  const file = `providers:\n${providers.join('')}retries: { max_attempts: 1 }
health: { consecutive_failures: ${never}, failure_ratio: 1, min_requests: ${never}, max_rest: 0s }\n`;
  const gateway = await startProcess({ file, env: { LOG_LEVEL: 'silent', GATEWAY_API_KEYS: `clients=${key}` } });
  return {
    base: `${gateway.url}/v1`,
    key,
    async close() {
      await gateway.close();
      await Promise.all(mocks.map((mock) => mock.close()));
    },
  };
}
