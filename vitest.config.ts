import { defineConfig } from 'vitest/config';
import { RecordingsFirst } from './test/recordings/first.ts';

const floor = { lines: 90, branches: 85 };

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/clients/**'],
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
