import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument, type YAMLMap } from 'yaml';
import { mask } from './interpolate.ts';
import type { Scalar, Tree } from './tree.ts';
import { deepHint, limitStructure, limitText, Refusal, tooDeep } from './yaml-limits.ts';

// YAML 1.2, core schema. The parser's own messages quote the source, which may hold secrets, so they are not used.

/** Aliases expanded, counting those inside what an alias stands for. */
const MAX_ALIASES = 100;
const MAX_NODES = 20_000;
/** A file with more faults than this is not worth reading to its end. */
const MAX_FAULTS = 20;

const standardTag = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

/** Something wrong with a file's text. `line` counts from 1. */
export interface YamlFault {
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

const expected: Readonly<Record<string, string>> = {
  BAD_DQ_ESCAPE: 'a backslash in a double-quoted text starts no known escape',
  BLOCK_AS_IMPLICIT_KEY: 'a value holds `: `, or a map starts on the line of its key',
  UNEXPECTED_TOKEN: 'something stands where nothing is expected',
  BAD_ALIAS: 'an alias (*name) has no anchor (&name) before it',
  BAD_INDENT: 'the indentation does not fit the lines around it, or a bracket is not closed',
  BAD_SCALAR_START: 'a value starts with a character that YAML reserves',
  DUPLICATE_KEY: 'a key is written twice',
  MISSING_CHAR: 'a closing bracket, brace, quote or colon is missing',
  MULTIPLE_DOCS: 'the file holds several YAML documents (a line `---` starts the next one)',
  RESOURCE_EXHAUSTION: tooDeep,
  TAB_AS_INDENT: 'a tab is used for indentation',
  BLOCK_IN_FLOW: 'an indented block starts inside {} or []',
  MULTILINE_IMPLICIT_KEY: 'a key reaches over several lines, or a colon is missing',
  TAG_RESOLVE_FAILED: 'a value does not fit its tag',
};
const advice: Readonly<Record<string, string>> = {
  BAD_DQ_ESCAPE: 'write \\\\ for a backslash, or use single quotes',
  TAB_AS_INDENT: 'indent with spaces',
  MULTIPLE_DOCS: 'keep one document per file',
  RESOURCE_EXHAUSTION: deepHint,
};

/**
 * The tree of one YAML text and every fault found in it. A tree comes only with no fault. `name` is how origins call
 * the file. Finishes within about 100 ms for any text up to 1 MiB.
 */
export function parseYaml(source: string, name: string): { tree: Tree | null; faults: readonly YamlFault[] } {
  const lineOf = lineIndex(source);
  const fault = (offset: number, message: string, hint: string): YamlFault => ({ line: lineOf(offset), message, hint });
  try {
    limitText(source);
    const { text, unmask } = mask(source);
    limitStructure(text);
    // Duplicate keys are found by the conversion: the parser compares every pair (quadratic).
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
    });
    if (document.errors.length > 0) {
      const [first = document.errors[0]!] = document.errors.filter(
        ({ code }) => code === 'MISSING_CHAR' || code !== 'BAD_INDENT',
      );
      const message = expected[first.code] ?? 'this is not valid YAML';
      const hint = advice[first.code] ?? 'check this line and the one before; quote values that hold any of `{ } [ ] , # : `';
      return { tree: null, faults: [fault(first.pos[0], message, hint)] };
    }
    return convert(document.contents, { name, unmask, lineOf, fault });
  } catch (error) {
    if (error instanceof Refusal) return { tree: null, faults: [fault(error.offset, error.message, error.hint)] };
    if (error instanceof RangeError) return { tree: null, faults: [fault(0, tooDeep, deepHint)] };
    throw error;
  }
}

interface Conversion {
  readonly name: string;
  readonly unmask: (text: string) => string;
  readonly lineOf: (offset: number) => number;
  readonly fault: (offset: number, message: string, hint: string) => YamlFault;
}

function convert(root: Node | null, { name, unmask, lineOf, fault }: Conversion): ReturnType<typeof parseYaml> {
  const faults: YamlFault[] = [];
  // Kept here because the parser's own lookup walks the document once per alias.
  const anchors = new Map<string, Node>();
  let expanding = 0;
  let aliases = 0;
  let nodes = 0;
  const at = (node: { range?: [number, number, number] | null }) => node.range?.[0] ?? 0;

  const walk = (node: unknown, line: number): Tree => {
    const origin = `${name}:${line}`;
    if (++nodes > MAX_NODES)
      throw new Refusal(0, 'the file has too much structure once its aliases are expanded', 'use fewer aliases');
    if (isAlias(node)) {
      if (++aliases > MAX_ALIASES) {
        throw new Refusal(
          at(node),
          `more than ${MAX_ALIASES} aliases are expanded`,
          'write the values out, or use fewer aliases',
        );
      }
      const target = anchors.get(node.source);
      if (target === undefined) throw new Refusal(at(node), expected.BAD_ALIAS!, 'define the anchor first');
      expanding++;
      const tree = walk(target, line);
      expanding--;
      return tree;
    }
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined && expanding === 0) anchors.set(anchor, node as Node);
    const tag = (node as Node | null)?.tag;
    if (tag !== undefined && !standardTag.test(tag)) {
      faults.push(fault(at(node as Node), 'a custom tag (!name) is not allowed', 'remove the tag and write a plain value'));
      return { kind: 'leaf', value: null, origin };
    }
    if (isMap(node)) return { kind: 'map', entries: walkMap(node), origin };
    if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => walk(item, lineOf(at(item as Node)))), origin };
    if (!isScalar(node)) return { kind: 'leaf', value: null, origin };
    const value = typeof node.value === 'string' ? unmask(node.value) : (node.value as Scalar);
    return { kind: 'leaf', value, origin, plain: node.type === 'PLAIN' };
  };

  const walkMap = (map: YAMLMap): Map<string, Tree> => {
    const entries = new Map<string, Tree>();
    for (const pair of map.items) {
      if (faults.length >= MAX_FAULTS) break;
      const key: unknown = pair.key;
      if (!isScalar(key) || key.value === null || typeof key.value === 'object') {
        faults.push(fault(key === null ? at(map) : at(key as Node), 'a key is not a plain name', 'write `name: value`'));
        continue;
      }
      const label = unmask(typeof key.value === 'string' ? key.value : (key.source ?? String(key.value)));
      const line = lineOf(at(key));
      if (label === '__proto__' || label === 'constructor' || label === 'prototype' || label === '<<') {
        const hint =
          label === '<<' ? 'merge keys are not supported: repeat the values, or use an alias (*name)' : 'use another name';
        faults.push(fault(at(key), `the key ${label} is not allowed`, hint));
      } else if (entries.has(label)) {
        faults.push(fault(at(key), `the key ${shownKey(label)} is written twice in the same map`, 'keep one of the two'));
      } else {
        entries.set(label, walk(pair.value, line));
      }
    }
    return entries;
  };

  const tree = root === null ? null : walk(root, lineOf(at(root)));
  return { tree: faults.length > 0 ? null : (tree ?? { kind: 'leaf', value: null, origin: `${name}:1` }), faults };
}

/** A key as messages show it: what follows a colon or an equals sign is a value that lost its space, maybe a secret. */
export function shownKey(key: string): string {
  const cut = key.search(/[:=]/);
  const shown = cut === -1 ? key : `${key.slice(0, cut + 1)}...`;
  return shown.length > 64 ? `${shown.slice(0, 64)}...` : shown;
}

function lineIndex(text: string): (offset: number) => number {
  let starts: number[] | null = null;
  return (offset) => {
    if (starts === null) {
      starts = [0];
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    }
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
