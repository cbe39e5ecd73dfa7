import type { Message, Part, ToolCallPart } from '../../unified.ts';
import { parseExact } from '../../wire/exact-json.ts';
import { isObject, refuse } from '../../wire/json.ts';
import { DIALECT } from '../dialect.ts';
import { encodeMedia, type GeminiPart, type Scene } from './media.ts';

/**
 * An assistant's message as parts of a model's content. The signature of a function call goes back on that call, the one of
 * the answer's text on its last text. Thoughts go back only when they are signed: the API does not want the others.
 */
export function encodeModelTurn(message: Message, position: number, scene: Scene): GeminiPart[] {
  const parts: GeminiPart[] = [];
  let lastText: GeminiPart | null = null;
  let signature: string | null = null;
  for (const [at, part] of message.parts.entries()) {
    const param = `messages[${position}].content[${at}]`;
    if (part.type === 'reasoning') {
      if (part.signature === undefined || part.dialect !== DIALECT) continue;
      if (part.text === '') ({ signature } = part);
      else parts.push({ text: part.text, thought: true, thoughtSignature: part.signature });
      continue;
    }
    const encoded = encodePart(part, position, param, scene);
    if (encoded === null) continue;
    parts.push(encoded);
    if (typeof encoded.text === 'string') lastText = encoded;
  }
  if (lastText !== null && signature !== null) lastText.thoughtSignature = signature;
  return parts;
}

function encodePart(part: Part, position: number, param: string, scene: Scene): GeminiPart | null {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text === '' ? null : { text: part.text };
    case 'tool_call':
      return encodeCall(part);
    case 'image':
    case 'video':
    case 'file':
      return encodeMedia(part, scene, param);
    case 'audio':
      if (part.source.kind === 'data') return encodeMedia(part, scene, param);
      return refuse(
        'A spoken answer is not kept at this provider, so it cannot be referred to; send its transcript as `content` instead.',
        `messages[${position}].audio`,
      );
    case 'citation':
      return null;
    case 'foreign':
      return part.dialect === DIALECT && isObject(part.value)
        ? { ...part.value }
        : refuse('Content of this type cannot be sent to this provider; send text, images, sound or files.', param);
  }
  return refuse('Content of this type cannot be sent in an assistant message.', param);
}

function encodeCall(part: ToolCallPart): GeminiPart {
  const { id, name, signature } = part;
  return {
    functionCall: { ...(id === '' ? {} : { id }), name, args: argumentsOf(part) },
    ...(signature === undefined || part.dialect !== DIALECT ? {} : { thoughtSignature: signature }),
  };
}

/** `args` has to be an object. Text that is none (models write broken JSON, custom tools free text) goes under a name. */
function argumentsOf(part: ToolCallPart): unknown {
  if (part.kind === 'custom') return { input: part.arguments };
  if (part.arguments.trim() === '') return {};
  const parsed = parseExact(part.arguments);
  // A stand-in for a long text must not be found again in here: the text itself is what has to be read.
  return isObject(parsed) ? parsed : { arguments: part.arguments.replaceAll('…#', '… #') };
}
