import type { ChatEvent, Part } from '../unified.ts';

/** The events that make a whole part; `call` numbers a tool call. */
export function eventsOf(part: Part, call: number): readonly ChatEvent[] {
  const choice = 0;
  switch (part.type) {
    case 'text':
    case 'refusal':
      return [{ type: part.type, choice, text: part.text }];
    case 'reasoning':
      return [{ ...part, choice }];
    case 'tool_call': {
      const { type, kind, id, name, arguments: text } = part;
      return [
        { type, choice, call, kind, id, name },
        { type: 'tool_arguments', choice, call, text },
      ];
    }
    case 'citation':
      return [{ type: 'citation', choice, part }];
    case 'foreign':
      return [{ type: 'foreign', choice, dialect: part.dialect, value: part.value }];
    default:
      return [];
  }
}
