import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { RecordingsFirst } from './test/recordings/first.ts';

const floor = { lines: 90, branches: 85 };

/** Folders whose files leave nothing behind in their process and take the next one in it: a process of its own costs each 0.3 s. */
const together = ['bench', 'config', 'plugins', 'providers', 'routes', 'schemas'];
/** Of those folders: files that replace a module, see one load, count the processes they have started, or measure nanoseconds. */
const apart = ['identity/timing', 'limits/counting', 'redis/server', 'upstream/guard'].map(
  (name) => `test/plugins/${name}.test.ts`,
);
/** The same, of the tests of whole gateways: those that look at neither memory, handles nor other processes. */
const gateways = `
  affinity answers breaker budgets caller-options canary client-keys client-keys-binding context-cache
  conversions cors dialect-switch eligibility embedding-space errors explain failover fallback-chains
  fidelity fourth-dialect last-target limits mock-server probes provider-keys queue rate-limits
  settle shadow splits sse-fields timeouts tool-calls translated-truncation truncation unwanted-bodies
`
  .trim()
  .split(/\s+/)
  .map((name) => `test/e2e/${name}.test.ts`);
const folders = readdirSync(join(import.meta.dirname, 'test'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'clients')
  .map(({ name }) => name);
const filesOf = (name: string): string => `test/${name}/**/*.test.ts`;

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'together', isolate: false, include: [...together.map(filesOf), ...gateways], exclude: apart },
      },
      {
        extends: true,
        test: {
          name: 'apart',
          include: [...folders.filter((name) => !together.includes(name)).map(filesOf), ...apart],
          exclude: gateways,
        },
      },
    ],
    setupFiles: ['test/helper/after-file.ts'],
    globalSetup: ['test/helper/redis-binary.ts'],
    pool: 'forks',
    // Two cores: a third worker makes the tests that measure time fail before it makes the run shorter.
    maxWorkers: 2,
    sequence: { sequencer: RecordingsFirst },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    restoreMocks: true,
    unstubEnvs: true,
    env: { NODE_ENV: 'test' },
    reporters: ['dot'],
    coverage: {
      provider: 'v8',
      include: ['plugins/**/*.ts', 'providers/**/*.ts', 'routes/**/*.ts', 'config/**/*.ts', 'schemas/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { 'plugins/**': floor, 'providers/**': floor, 'routes/**': floor },
    },
  },
});
