import { expect, test, vi } from 'vitest';
import { BaseSequencer, type TestSpecification, type Vitest } from 'vitest/node';
import config from '../../vitest.config.ts';
import { RecordingsFirst } from './first.ts';

test('what judges the fakes runs before anything else, the rest as before', async () => {
  expect((config as { test: { sequence: unknown } }).test.sequence).toEqual({ sequencer: RecordingsFirst });
  vi.spyOn(BaseSequencer.prototype, 'sort').mockImplementation(async (files) => files);
  const files = ['/p/test/b.test.ts', '/p/test/recordings/fakes.test.ts', '/p/test/a.test.ts'].map(
    (moduleId) => ({ moduleId }) as TestSpecification,
  );
  const sorted = await new RecordingsFirst({} as Vitest).sort(files);
  expect(sorted.map((file) => file.moduleId)).toEqual([
    '/p/test/recordings/fakes.test.ts',
    '/p/test/b.test.ts',
    '/p/test/a.test.ts',
  ]);
});
