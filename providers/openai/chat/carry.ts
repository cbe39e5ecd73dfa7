import { isDeepStrictEqual } from 'node:util';
import type { Extensions } from '../../unified.ts';
import type { JsonObject } from '../../wire/json.ts';

/** Tag of this dialect in `extensions` and in foreign parts. */
export const DIALECT = 'openai';

// How nothing is lost: whatever an object says beyond what the unified model would write back (unknown members, explicit nulls,
// other spellings such as `max_tokens`, odd shapes) is kept under `extensions.openai` by its own name, and laid over the object
// when it is written in this dialect again. A key whose value is `undefined` stands for a member the original does not have.

/** What `raw` says that `written` does not; `skip` names members whose exactness is settled elsewhere. */
export function residue(raw: JsonObject, written: JsonObject, skip: readonly string[] = []): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(raw)) {
    if (skip.includes(key) && Object.hasOwn(written, key)) continue;
    if (!Object.hasOwn(written, key) || !isDeepStrictEqual(raw[key], written[key])) entries.push([key, raw[key]]);
  }
  for (const key of Object.keys(written)) if (!Object.hasOwn(raw, key)) entries.push([key, undefined]);
  return Object.fromEntries(entries);
}

/** `written` with a residue laid over it. */
export function overlay(written: Record<string, unknown>, extra: JsonObject | undefined): Record<string, unknown> {
  if (extra === undefined) return written;
  const result: Record<string, unknown> = { ...written, ...extra };
  for (const key of Object.keys(extra)) if (extra[key] === undefined) delete result[key];
  return result;
}

/** This dialect's own extension; its presence, even empty, says that the object was read in this dialect. */
export function own(extensions: Extensions | undefined): JsonObject | undefined {
  return extensions?.[DIALECT];
}

/** A residue as extensions; undefined when there is nothing in it. */
export function carried(extra: Record<string, unknown>): { readonly extensions?: Extensions } {
  return Object.keys(extra).length === 0 ? {} : { extensions: { [DIALECT]: extra } };
}
