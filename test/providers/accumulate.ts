// An accumulator of chat streams independent of the code under test: what a client's SDK makes of the chunks.

type Json = Record<string, unknown>;

const NAMES = new Set(['id', 'type', 'role', 'name', 'index', 'expires_at', 'format']);

/** The chat completion that the chunks add up to; usage of the last chunk that has one. */
export function accumulate(chunks: readonly unknown[]): Json {
  const result: Json = {};
  const choices = new Map<number, Json>();
  for (const chunk of chunks as Json[]) {
    for (const [key, value] of Object.entries(chunk)) {
      if (['choices', 'usage', 'obfuscation', 'object'].includes(key) || value === null) continue;
      if (!['id', 'created', 'model'].includes(key) || result[key] === undefined) result[key] = value;
    }
    if (chunk.usage) result.usage = chunk.usage;
    for (const raw of (chunk.choices ?? []) as Json[]) {
      const index = (raw.index ?? 0) as number;
      const choice = choices.get(index) ?? { index, message: { content: null }, finish_reason: null, logprobs: null };
      choices.set(index, choice);
      for (const [key, value] of Object.entries(raw)) {
        if (key === 'index' || key === 'delta' || value === null) continue;
        if (key === 'logprobs') choice.logprobs = merge(choice.logprobs, value);
        else choice[key] = value;
      }
      choice.message = merge(choice.message, raw.delta);
    }
  }
  result.choices = [...choices.values()].sort((a, b) => (a.index as number) - (b.index as number)).map(tidy);
  return result;
}

/** Positions of tool calls are compared, their upstream numbering is not: it may start anywhere. */
function tidy(choice: Json): Json {
  const message = { ...(choice.message as Json) };
  if (message.refusal === null) delete message.refusal;
  if (Array.isArray(message.tool_calls)) {
    message.tool_calls = message.tool_calls.map(({ index: _index, ...call }: Json) => ({ type: 'function', ...call }));
  }
  return { ...choice, message };
}

function merge(before: unknown, more: unknown): unknown {
  if (typeof before === 'string' && typeof more === 'string') return before + more;
  if (Array.isArray(more)) {
    const list = Array.isArray(before) ? [...before] : [];
    for (const element of more) {
      const at = typeof element?.index === 'number' ? list.findIndex((other) => other.index === element.index) : -1;
      if (at === -1) list.push(merge(undefined, element));
      else list[at] = merge(list[at], element);
    }
    return list;
  }
  if (typeof more !== 'object' || more === null) return more === null || more === undefined ? before : more;
  const merged: Json = { ...((before as Json) ?? {}) };
  for (const [key, value] of Object.entries(more))
    merged[key] = NAMES.has(key) ? (value ?? merged[key]) : merge(merged[key], value);
  return merged;
}
