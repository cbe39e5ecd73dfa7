import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** What is installed, built or measured is not written here. */
const foreign = new Set(['node_modules', 'dist', 'coverage', 'data', '.git', '.venv']);

/** Every file of the project below a folder, as paths relative to the root. */
export function files(folder = '.'): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return foreign.has(entry.name) || entry.name.startsWith('.prepare-lock') ? [] : files(path);
    return entry.isFile() ? [relative('.', path)] : [];
  });
}

export const isCode = (path: string): boolean => /\.(ts|mjs|js)$/.test(path);

export function text(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
