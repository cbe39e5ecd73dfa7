import type { Canonical } from './proto.ts';

/** Tokens of a text as the fake counts them: four bytes each, at least one where there is any text. */
export function countText(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

/** Tokens of contents, system instruction and tools; a file counts 258, as an image tile does. */
export function countContents(body: Canonical): number {
  let tokens = 0;
  const contents = [
    ...((body.contents as Canonical[] | undefined) ?? []),
    ...(body.systemInstruction === undefined ? [] : [body.systemInstruction as Canonical]),
  ];
  for (const content of contents) {
    for (const part of (content.parts as Canonical[] | undefined) ?? []) tokens += countPart(part);
  }
  if (body.tools !== undefined) tokens += countText(JSON.stringify(body.tools));
  return tokens;
}

function countPart(part: Canonical): number {
  if (typeof part.text === 'string') return countText(part.text);
  if (part.inlineData !== undefined || part.fileData !== undefined) return 258;
  const { thoughtSignature: _signature, ...rest } = part;
  return countText(JSON.stringify(rest));
}
