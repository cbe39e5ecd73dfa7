import { formats } from './formats.ts';
import { choices, record, type Schema, wanted } from './json-schema.ts';
import { suggestion } from './nearest.ts';
import type { Findings } from './problems.ts';
import { formatPath, type Leaf, type ListTree, type MapTree, type Path, type Removed, type Tree, type Unset } from './tree.ts';
import { shownKey } from './yaml.ts';

const refused: ReadonlySet<string> = new Set(['', '__proto__', 'constructor', 'prototype']);

/** Checks trees against schemas; collects the origin of every value by its dotted path. */
export interface Validation {
  readonly findings: Findings;
  readonly origins: Map<string, string>;
}

/**
 * The value of a tree under a schema, units turned into numbers. Everything wrong goes to the findings and is left
 * out of the value, so that the rest can still be checked; undefined when nothing is left.
 */
export function validate(schema: Schema, tree: Tree, path: Path, validation: Validation): unknown {
  const name = formatPath(path);
  validation.origins.set(name, tree.origin);
  if (tree.kind === 'removed') return undefined;
  if (tree.kind === 'unset') return reportUnset(tree, path, validation.findings);
  if (schema.reserved === true) return reserved(schema, tree, name, validation.findings);
  if (schema.listable === true && tree.kind === 'list') {
    return list({ type: 'array', minItems: 1, items: { ...schema, listable: false } }, tree, path, validation);
  }
  if (schema.type === 'object')
    return tree.kind === 'map' ? object(schema, tree, path, validation) : mismatch(schema, tree, name, validation);
  if (schema.type === 'array')
    return tree.kind === 'list' ? list(schema, tree, path, validation) : mismatch(schema, tree, name, validation);
  return tree.kind === 'leaf' ? scalar(schema, tree, name, validation) : mismatch(schema, tree, name, validation);
}

function object(schema: Schema, tree: MapTree, path: Path, validation: Validation): Record<string, unknown> {
  const { findings } = validation;
  const value: Record<string, unknown> = {};
  const free = record(schema);
  const known = Object.keys(schema.properties ?? {});
  const allowed = free === null ? null : new RegExp(free.pattern, 's');
  for (const [key, member] of tree.entries) {
    const name = formatPath([...path, shownKey(key)]);
    if (refused.has(key)) {
      findings.add(name, member.origin, key === '' ? 'a key is empty' : `the name ${key} is not allowed`, 'use another name');
    } else if (allowed !== null && !allowed.test(key)) {
      findings.add(name, member.origin, 'this name is not allowed here', `use a name that matches ${free!.pattern}`);
    } else if (free !== null) {
      set(value, key, validate(free.values, member, [...path, key], validation));
    } else if (known.includes(key)) {
      set(value, key, validate(schema.properties![key]!, member, [...path, key], validation));
    } else {
      findings.add(name, member.origin, 'this key is unknown', unknownKeyHint(key, member, known));
    }
  }
  for (const key of schema.required ?? []) {
    const member = tree.entries.get(key);
    if (member !== undefined && member.kind !== 'removed') continue;
    fillOrReport(schema.properties![key]!, key, member ?? tree, value, path, validation);
  }
  return value;
}

function set(target: Record<string, unknown>, key: string, value: unknown): void {
  if (value !== undefined) target[key] = value;
}

function unknownKeyHint(key: string, member: Tree, known: readonly string[]): string {
  const bare = /^([\w-]+)[:=]/.exec(key)?.[1];
  if (bare !== undefined && member.kind === 'removed') return `put a space after the colon: \`${bare}: value\``;
  return suggestion(key, known, 'remove it, or see docs/configuration.md');
}

/** A required map of free names that is not there is an empty one; anything else is a problem. */
function fillOrReport(
  schema: Schema,
  key: string,
  near: Tree,
  value: Record<string, unknown>,
  path: Path,
  { findings, origins }: Validation,
): void {
  const name = formatPath([...path, key]);
  if (record(schema) !== null || schema.reserved === true) {
    value[key] = schema.type === 'array' ? [] : {};
    origins.set(name, near.origin);
  } else if (!findings.incomplete) {
    const emptied = near.kind === 'removed';
    const message = emptied ? 'the value is null (an empty one counts as null), but it is required' : 'the value is missing';
    findings.add(
      name,
      near.origin,
      message,
      emptied ? 'write a value, or delete the line to get the default' : `write ${wanted(schema)}`,
    );
  }
}

function list(schema: Schema, tree: ListTree, path: Path, validation: Validation): unknown[] {
  if (tree.items.length < (schema.minItems ?? 0)) {
    const name = formatPath(path);
    validation.findings.add(
      name,
      tree.origin,
      'the list is empty',
      `write at least ${schema.minItems} item${schema.minItems === 1 ? '' : 's'}`,
    );
  }
  const values: unknown[] = [];
  tree.items.forEach((item, index) => {
    const value = validate(schema.items!, item, [...path, index], validation);
    if (value !== undefined) values.push(value);
  });
  return values;
}

function reserved(schema: Schema, tree: Tree, name: string, findings: Findings): unknown {
  const empty = schema.type === 'array' ? [] : {};
  const size = tree.kind === 'map' ? tree.entries.size : tree.kind === 'list' ? tree.items.length : -1;
  if (size === 0) return empty;
  findings.add(name, tree.origin, `${name} (${schema.description}) is not available in this version`, 'remove the block');
  return empty;
}

function scalar(schema: Schema, leaf: Leaf, name: string, validation: Validation): unknown {
  const { findings } = validation;
  const fail = (message: string, hint: string): undefined => void findings.add(name, leaf.origin, message, hint);
  const literals = choices(schema);
  if (literals !== null) {
    if (literals.includes(leaf.value as string)) return leaf.value;
    return fail(
      `${shown(schema, leaf)} is not allowed here`,
      suggestion(String(leaf.text ?? leaf.value).slice(0, 40), literals.map(String), ''),
    );
  }
  if (schema.type === 'string') {
    const unit = schema.format === 'duration' || schema.format === 'size';
    const text = leaf.text ?? (unit && typeof leaf.value === 'number' ? String(leaf.value) : leaf.value);
    if (typeof text !== 'string') return mismatch(schema, leaf, name, validation);
    return checkText(schema, text, fail);
  }
  if (schema.type === 'boolean') return typeof leaf.value === 'boolean' ? leaf.value : mismatch(schema, leaf, name, validation);
  if (typeof leaf.value !== 'number' || !Number.isFinite(leaf.value)) return mismatch(schema, leaf, name, validation);
  if (schema.type === 'integer' && !Number.isSafeInteger(leaf.value)) return mismatch(schema, leaf, name, validation);
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (leaf.value < minimum) return fail(`${shown(schema, leaf)} is below the minimum`, `the smallest value is ${minimum}`);
  if (leaf.value > maximum) return fail(`${shown(schema, leaf)} is above the maximum`, `the largest value is ${maximum}`);
  return leaf.value;
}

function checkText(schema: Schema, text: string, fail: (message: string, hint: string) => undefined): unknown {
  const { minLength = 0, format } = schema;
  if (text.length < minLength) {
    if (text === '') return fail('the text is empty', 'write a value, or remove the line');
    return fail(`the text has ${text.length} characters, fewer than ${minLength}`, `use at least ${minLength} characters`);
  }
  const check = format === undefined ? undefined : formats[format];
  if (check === undefined) return text;
  const result = check(text);
  return 'value' in result ? result.value : fail(result.message, result.hint);
}

function mismatch(schema: Schema, tree: Exclude<Tree, Unset | Removed>, name: string, { findings }: Validation): undefined {
  const quote = schema.type === 'string' && tree.kind === 'leaf' && tree.value !== null && schema.format === undefined;
  const hint = quote ? 'put the value in quotes' : `write ${wanted(schema)}`;
  findings.add(
    name,
    tree.origin,
    `this is ${tree.kind === 'leaf' ? shown(schema, tree) : `a ${tree.kind}`}, not ${wanted(schema)}`,
    hint,
  );
}

/** A value as messages may show it: by its type alone when it is a secret or came from the environment. */
function shown(schema: Schema, { value, text }: Leaf): string {
  if (value === null) return 'null (an empty value)';
  const type = typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'true/false value';
  const literal = text === undefined && schema.secret !== true && (typeof value !== 'string' || choices(schema) !== null);
  return literal ? `the ${type} ${String(value).slice(0, 40)}` : `a ${type}`;
}

function reportUnset({ variable, origin }: Unset, path: Path, findings: Findings): undefined {
  const key = path[0] === 'providers' && path[2] === 'api_key' && path.length === 3;
  const hint = key
    ? `set ${variable}, or remove the provider (or write \`enabled: false\` into it)`
    : `set ${variable}, or give a default: \${${variable}:-value}`;
  findings.add(formatPath(path), origin, `the environment variable ${variable} is not set (or empty)`, hint);
}
