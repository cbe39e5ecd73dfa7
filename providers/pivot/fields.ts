import { isDeepStrictEqual } from 'node:util';
import type { Call, ChatBack, ChatFront, EncodeNotes, Target } from '../provider.ts';
import { isObject, type JsonObject, refuse } from '../wire/json.ts';

/** Fields of the request that are the translation's own business. */
const OWN: ReadonlySet<string> = new Set(['model', 'messages', 'stream', 'stream_options']);

/** Members looked at; the caller chooses how many there are. */
const MAX_NAMED = 16;

/** Collects what has no effect at a target, or refuses it. */
export class Notes implements EncodeNotes {
  readonly ignored: string[] = [];
  readonly #strict: boolean;
  readonly #drops: boolean;
  readonly #target: Target;

  constructor(call: Call, target: Target) {
    this.#strict = call.requireParameters;
    this.#drops = target.provider.config.unsupported_params === 'drop';
    this.#target = target;
  }

  dropped(field: string): void {
    if (this.#strict) {
      refuse(
        `\`${field}\` has no effect on the model \`${this.#target.id}\`, and gateway.require_parameters asks for every parameter to have one. Leave it out, or name another model.`,
        field,
      );
    }
    if (!this.ignored.includes(field) && this.ignored.length < MAX_NAMED) this.ignored.push(field);
  }

  unsupported(field: string, message: string): void {
    if (this.#strict || !this.#drops) refuse(message, field);
    this.dropped(field);
  }
}

/**
 * The client's body without what asks for nothing or has no effect at this target, and the members that are the dialect's own
 * options. Throws `TranslationError` for a field that the dialect cannot say and that changes the meaning of the answer.
 */
export function applyFields(
  body: JsonObject,
  dropped: ReadonlySet<string>,
  front: ChatFront,
  back: ChatBack,
  notes: EncodeNotes,
  target: Target,
): { readonly body: Record<string, unknown>; readonly options: Record<string, unknown> | null } {
  const kept: Record<string, unknown> = {};
  let options: Record<string, unknown> | null = null;
  for (const key of Object.keys(body)) {
    const value = body[key];
    if (dropped.has(key) || value === null || value === undefined) continue;
    if (OWN.has(key)) kept[key] = value;
    else if (back.options.includes(key)) {
      options ??= {};
      options[key] = value;
    } else if (!isNeutral(front, key, value)) {
      const rule = Object.hasOwn(back.fields, key) ? back.fields[key]! : 'dropped';
      if (rule === 'mapped') kept[key] = value;
      else if (rule === 'dropped') notes.dropped(key);
      else
        notes.unsupported(key, `\`${key}\` cannot be used with the model \`${target.id}\`. Leave it out, or name another model.`);
    }
  }
  return { body: kept, options };
}

function isNeutral(front: ChatFront, key: string, value: unknown): boolean {
  const neutral = Object.hasOwn(front.fields, key) ? front.fields[key]! : [];
  return neutral.some((each) => each === value || (typeof each === 'object' && isDeepStrictEqual(each, value))) || isBlank(value);
}

/** `{}` and `[]` ask for nothing wherever they stand. */
function isBlank(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
