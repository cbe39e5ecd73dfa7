import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The fakes are what the adapters are judged by, so what judges the fakes runs before anything else. */
export class RecordingsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const first = (file: TestSpecification) => file.moduleId.endsWith('/test/recordings/fakes.test.ts');
    return [...sorted.filter(first), ...sorted.filter((file) => !first(file))];
  }
}
