import { isAbsolute, join, relative, resolve } from 'node:path';
import { readText } from './files.ts';
import type { Findings } from './problems.ts';
import { emptyMap, fromValue, type MapTree, type Tree } from './tree.ts';
import { parseYaml } from './yaml.ts';

/** Largest configuration file, bytes. */
const MAX_FILE = 1_048_576;

/** Where the file-like layers come from. */
export interface LayerSources {
  /** Project root: holds `config/`. */
  readonly root: string;
  /** What `CONFIG_FILE` is relative to. */
  readonly cwd: string;
  /** `NODE_ENV`; unset means production. */
  readonly nodeEnv: string | undefined;
  readonly configFile: { readonly value: string; readonly origin: string } | undefined;
  readonly overlay: object | undefined;
}

/** The file-like layers, lowest first: `config/default.yaml`, `config/$NODE_ENV.yaml`, `$CONFIG_FILE`, overlay. */
export function readLayers(sources: LayerSources, findings: Findings): MapTree[] {
  const { root, cwd, nodeEnv = 'production', configFile, overlay } = sources;
  const layers: (MapTree | null)[] = [];
  const file = (path: string) => readLayer(path, displayName(path, root, cwd), findings);

  const base = file(join(root, 'config', 'default.yaml'));
  if (base === 'missing')
    fail(findings, 'config/default.yaml', 'the file does not exist', 'restore it from the release: it holds every default');
  else layers.push(base);

  if (!/^[A-Za-z0-9_-]{1,64}$/.test(nodeEnv)) {
    fail(
      findings,
      'environment NODE_ENV',
      'the value is no environment name',
      'use letters, digits, - and _, for example production',
    );
  } else if (nodeEnv !== 'default') {
    const own = file(join(root, 'config', `${nodeEnv}.yaml`));
    if (own !== 'missing') layers.push(own);
  }

  if (configFile !== undefined) {
    const own = file(resolve(cwd, configFile.value));
    const hint = `create it or correct CONFIG_FILE (relative paths start at ${cwd})`;
    if (own === 'missing') fail(findings, configFile.origin, `the file ${configFile.value} does not exist`, hint);
    else layers.push(own);
  }

  if (overlay !== undefined) layers.push(fromValue(overlay, 'overlay') as MapTree);
  return layers.filter((layer) => layer !== null);
}

function readLayer(path: string, name: string, findings: Findings): MapTree | null | 'missing' {
  const read = readText(path, MAX_FILE);
  if (!('text' in read)) {
    if (read.missing) return 'missing';
    fail(findings, name, `the file ${read.reason}`, 'use a readable YAML file of at most 1 MiB');
    return null;
  }
  findings.files.push(path);
  const { tree, faults } = parseYaml(read.text, name);
  for (const { line, message, hint } of faults) fail(findings, `${name}:${line}`, message, hint);
  if (tree === null) return null;
  return asMap(tree, name, findings);
}

function asMap(tree: Tree, name: string, findings: Findings): MapTree | null {
  if (tree.kind === 'map') return tree;
  if (tree.kind === 'leaf' && tree.value === null) return emptyMap(`${name}:1`);
  fail(findings, tree.origin, 'the file is not a map of blocks', 'start it with a block, for example `providers:`');
  return null;
}

function fail(findings: Findings, where: string, message: string, hint: string): void {
  findings.incomplete = true;
  findings.add('', where, message, hint);
}

/** Relative to the root or the working directory when inside one of them. */
function displayName(path: string, root: string, cwd: string): string {
  for (const from of [root, cwd]) {
    const short = relative(from, path);
    if (short !== '' && !short.startsWith('..') && !isAbsolute(short)) return short;
  }
  return path;
}
