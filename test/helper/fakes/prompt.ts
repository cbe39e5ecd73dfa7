/**
 * What a prompt asks of a fake; anything else is answered with text. Words in the newest thing the user said:
 *
 * - `steps:3` answers three times with calls before the text (default 1 where there are tools)
 * - `parallel:2` makes two calls at once (default 1)
 * - `call:name` calls that function instead of the first one
 * - `args:{"a":1}` uses these arguments; to the end of the line
 * - `no tools` answers with text at once
 * - `say:…` answers with exactly the rest of the line
 */
export interface Wish {
  readonly steps: number;
  readonly parallel: number;
  readonly call: string | null;
  readonly args: Record<string, unknown> | null;
  readonly say: string | null;
}

export function wishOf(prompt: string): Wish {
  const number = (name: string, otherwise: number) => {
    const found = new RegExp(`\\b${name}:(\\d{1,3})\\b`).exec(prompt);
    return found === null ? otherwise : Number(found[1]);
  };
  return {
    steps: /\bno tools\b/.test(prompt) ? 0 : number('steps', 1),
    parallel: Math.max(1, number('parallel', 1)),
    call: /\bcall:([A-Za-z0-9_.:-]+)/.exec(prompt)?.[1] ?? null,
    args: argsOf(prompt),
    say: /\bsay:(.*)$/m.exec(prompt)?.[1]?.trim() ?? null,
  };
}

function argsOf(prompt: string): Record<string, unknown> | null {
  const found = /\bargs:(\{.*\})/.exec(prompt)?.[1];
  if (found === undefined) return null;
  try {
    return JSON.parse(found) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** A text in about `count` pieces that join to it, cut between code points. */
export function textPieces(text: string, count: number): string[] {
  const points = [...text];
  const size = Math.max(1, Math.ceil(points.length / count));
  const pieces: string[] = [];
  for (let at = 0; at < points.length; at += size) pieces.push(points.slice(at, at + size).join(''));
  return pieces;
}
