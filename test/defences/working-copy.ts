import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Mutation, mutate } from './mutation.ts';

const foreign = new Set(['node_modules', 'dist', 'coverage', 'data', '.git', '.venv']);

/** The project once more, in a temporary directory, with the installed packages of the original. */
export class WorkingCopy {
  readonly root = mkdtempSync(join(tmpdir(), 'postern-defences-'));

  constructor(original: string) {
    cpSync(original, this.root, {
      recursive: true,
      filter: (path) => !foreign.has(relative(original, path).split('/').at(-1) ?? ''),
    });
    symlinkSync(join(original, 'node_modules'), join(this.root, 'node_modules'));
  }

  /** Runs `work` while one defence is gone. Throws when it is not found where the mutation says. */
  async without<Result>(mutation: Mutation, work: () => Promise<Result>): Promise<Result> {
    const path = join(this.root, mutation.file);
    const source = readFileSync(path, 'utf8');
    writeFileSync(path, mutate(source, mutation));
    try {
      return await work();
    } finally {
      writeFileSync(path, source);
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
