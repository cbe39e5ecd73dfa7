import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { files, root, text } from './tree.ts';

const scripts = (JSON.parse(text('package.json')) as { scripts: Record<string, string> }).scripts;
const documents = files().filter((path) => path.endsWith('.md') && !path.startsWith('test/'));

/** npm's own commands: not names of scripts. */
const builtin = new Set(['ci', 'install', 'audit', 'config', 'cache']);

/** `npm start`, `npm run build -- x` … in fenced code and inline code of a document, as script names. */
function commands(path: string): string[] {
  const code = [...text(path).matchAll(/^```[^\n]*\n(.*?)^```|`([^`\n]+)`/gms)].map(([, block, inline]) => block ?? inline ?? '');
  const names = code.flatMap((snippet) => [...snippet.matchAll(/\bnpm (run )?([a-z][\w:-]*)/g)]);
  return names.filter(([, run, name]) => run !== undefined || !builtin.has(name ?? '')).map(([, , name]) => name ?? '');
}

describe('documents', () => {
  it('README.md shows the two commands', () => {
    expect(commands('README.md')).toEqual(expect.arrayContaining(['start', 'test']));
  });

  it.each(documents)('every npm command in %s exists', (path) => {
    expect(commands(path).filter((name) => !(name in scripts))).toEqual([]);
  });

  it.each(documents)('every relative link in %s leads to a file', (path) => {
    const links = [...text(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, link]) => link ?? '');
    expect(links.filter((link) => !existsSync(join(root, path, '..', link)))).toEqual([]);
  });
});

describe('package.json', () => {
  it.each(Object.keys(scripts))('`npm run %s` works on a fresh clone: it prepares first', (name) => {
    expect(scripts[name]).toMatch(/^"\$NODE" deploy\/prepare\.mjs (install|build)( && |$)/);
  });

  it.each([...new Set(documents.flatMap(commands))])('`npm run %s`, which a document shows, runs files that exist', (name) => {
    const paths = [...(scripts[name] ?? '').matchAll(/(?:node|tsx(?: watch)?) ([\w/.-]+\.(?:mjs|ts|js))/g)].map(
      ([, path]) => path ?? '',
    );
    const sources = paths.map((path) => path.replace(/^dist\/(.*)\.js$/, '$1.ts'));
    expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('signals reach the process: start replaces the shell', () => {
    expect(scripts.start).toMatch(/&& (?:[A-Z_]+=\S+ )?exec node dist\/server\.js$/);
  });
});
