import type { TSchema } from '@sinclair/typebox';
import { record, type Schema } from '../../config/json-schema.ts';
import { scrub } from '../../providers/wire/scrub.ts';

/** Shorter values stand in texts by chance. */
const shortest = 6;

/** Every value of a configuration that its schema marks as a secret, the longest first. */
export function secretsIn(schema: TSchema, value: unknown): readonly string[] {
  const secrets = new Set<string>();
  collect(schema as Schema, value, secrets);
  return [...secrets].sort((a, b) => b.length - a.length);
}

function collect(schema: Schema | undefined, value: unknown, secrets: Set<string>): void {
  if (schema === undefined || value === undefined || value === null) return;
  if (typeof value === 'string') {
    if (schema.secret === true && value.length >= shortest) secrets.add(value);
    return;
  }
  if (Array.isArray(value)) {
    for (const item of value) collect(schema.items, item, secrets);
    return;
  }
  if (typeof value !== 'object') return;
  const map = record(schema);
  for (const [key, entry] of Object.entries(value)) collect(schema.properties?.[key] ?? map?.values, entry, secrets);
}

/** Also of what has no text of its own. */
function text(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

const frame = /^\s+at .*:\d+:\d+\)?$/;

/**
 * What nobody caught, fit to be logged: its message may quote whatever it failed on, so what looks like a credential and
 * every one of `secrets` is taken out. Of the stack only the frames stay.
 */
export function lastWords(thrown: unknown, secrets: readonly string[]): Error {
  const error = thrown instanceof Error ? thrown : new Error(`not an error was thrown: ${text(thrown)}`);
  const clean = (value: unknown) => scrub(text(value), secrets);
  const told: Error & { code?: string } = new Error(clean(error.message));
  told.name = clean(error.name);
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined) told.code = clean(code);
  const frames = text(error.stack ?? '').split('\n');
  const shown = frames.filter((line) => frame.test(line) && !secrets.some((secret) => line.includes(secret)));
  told.stack = [`${told.name}: ${told.message}`, ...shown].join('\n');
  return told;
}
