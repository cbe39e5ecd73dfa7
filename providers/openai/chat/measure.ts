import { isObject } from '../../wire/json.ts';

/** Highest `choices[].index` taken: `n` is at most 128. */
const MAX_CHOICE = 127;

/** Whether the value can be the index of a choice; absent counts as 0, as several compatible servers leave it out. */
export function choiceIndex(value: unknown): number | null {
  if (value === undefined || value === null) return 0;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_CHOICE ? value : null;
}

/** Generated characters in a message or a delta: text, refusal, reasoning, tool and function arguments, transcript. */
export function generatedCharacters(message: Readonly<Record<string, unknown>>): number {
  let count = lengthOf(message.content) + lengthOf(message.refusal);
  count += Math.max(lengthOf(message.reasoning_content), lengthOf(message.reasoning));
  if (Array.isArray(message.tool_calls)) {
    for (const call of message.tool_calls) {
      if (!isObject(call)) continue;
      if (isObject(call.function)) count += lengthOf(call.function.name) + lengthOf(call.function.arguments);
      if (isObject(call.custom)) count += lengthOf(call.custom.name) + lengthOf(call.custom.input);
    }
  }
  if (isObject(message.function_call)) count += lengthOf(message.function_call.name) + lengthOf(message.function_call.arguments);
  if (isObject(message.audio)) count += lengthOf(message.audio.transcript);
  return count;
}

/** Text, or the texts of an array of parts (Mistral's reasoning models nest them one level deeper). */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (!Array.isArray(value)) return 0;
  let count = 0;
  for (const part of value) if (isObject(part)) count += lengthOf(part.text) + lengthOf(part.thinking);
  return count;
}

/**
 * Whether a delta carries anything the model made: any member but `role` that is not empty. Unknown members count, so that
 * nothing a client has seen is ever generated twice.
 */
export function hasContent(delta: Readonly<Record<string, unknown>>): boolean {
  for (const key in delta) {
    if (key !== 'role' && !isEmpty(delta[key])) return true;
  }
  return false;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === false) return true;
  if (typeof value !== 'object') return false;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}
