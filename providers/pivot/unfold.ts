import type { ChatEvent, ChatResponse, Choice, Part } from '../unified.ts';

/**
 * A whole answer as the events of a stream that makes it. The extension of a choice becomes a `foreign` event ahead of its
 * content, that of a tool call one with `{call, tool_call}` behind it, both valued as the dialect wrote them.
 */
export function unfold(response: ChatResponse): ChatEvent[] {
  const events: ChatEvent[] = [];
  const start: Record<string, Readonly<Record<string, unknown>>> = {};
  const usageExtensions: Record<string, Readonly<Record<string, unknown>>> = {};
  for (const [dialect, extension] of Object.entries(response.extensions ?? {})) {
    const { usage, ...rest } = extension;
    start[dialect] = rest;
    if (typeof usage === 'object' && usage !== null) usageExtensions[dialect] = usage as Readonly<Record<string, unknown>>;
  }
  const { id, created, model } = response;
  events.push({ type: 'start', id, created, model, extensions: start });
  for (const choice of response.choices) unfoldChoice(choice, events);
  if (response.usage !== null) events.push({ type: 'usage', usage: response.usage, extensions: usageExtensions });
  return events;
}

function unfoldChoice(choice: Choice, events: ChatEvent[]): void {
  const { index } = choice;
  for (const [dialect, value] of Object.entries(choice.extensions ?? {}))
    events.push({ type: 'foreign', choice: index, dialect, value });
  let { logprobs } = choice;
  let calls = 0;
  for (const part of choice.parts) {
    if (part.type === 'tool_call') unfoldCall(part, index, calls++, events);
    else if (part.type === 'text' || part.type === 'refusal') {
      events.push({ type: part.type, choice: index, text: part.text, ...(logprobs === undefined ? {} : { logprobs }) });
      logprobs = undefined;
    } else if (part.type === 'reasoning') {
      const { type, text, signature, redacted, dialect } = part;
      events.push({
        type,
        choice: index,
        text,
        ...(signature === undefined ? {} : { signature }),
        ...(redacted === undefined ? {} : { redacted }),
        ...(dialect === undefined ? {} : { dialect }),
      });
    } else if (part.type === 'image' || (part.type === 'audio' && part.source.kind === 'data'))
      events.push({ type: 'media', choice: index, part });
    else if (part.type === 'citation') events.push({ type: 'citation', choice: index, part });
    else if (part.type === 'foreign') events.push({ type: 'foreign', choice: index, dialect: part.dialect, value: part.value });
  }
  // A whole body that names no reason is complete all the same: its transport said so.
  events.push({ type: 'finish', choice: index, reason: choice.finishReason ?? (calls > 0 ? 'tool_calls' : 'stop') });
}

function unfoldCall(
  part: Extract<Part, { readonly type: 'tool_call' }>,
  choice: number,
  call: number,
  events: ChatEvent[],
): void {
  const { type, kind, id, name, signature, dialect, arguments: text } = part;
  events.push({
    type,
    choice,
    call,
    kind,
    id,
    name,
    ...(signature === undefined ? {} : { signature }),
    ...(dialect === undefined ? {} : { dialect }),
  });
  if (text !== '') events.push({ type: 'tool_arguments', choice, call, text });
  for (const [dialect, extension] of Object.entries(part.extensions ?? {})) {
    events.push({ type: 'foreign', choice, dialect, value: { call, tool_call: extension } });
  }
}
