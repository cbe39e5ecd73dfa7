import { createHash } from 'node:crypto';
import { isObject } from './fields.ts';
import type { AnthropicModel } from './models.ts';

/** Tokens of a text as the fake counts them: four bytes each. */
export function countText(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

interface Piece {
  readonly json: string;
  readonly ttl: '5m' | '1h' | null;
}

/** What a prompt counts, in tokens: without the cache, written to it for either time, and read from it. */
export interface PromptUsage {
  readonly input: number;
  readonly write5m: number;
  readonly write1h: number;
  readonly read: number;
}

/** The prefixes that were cached, until they expire. */
export class PrefixCache {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts the prompt of an accepted call and remembers the prefixes that its markers name. */
  use(body: Record<string, unknown>, model: AnthropicModel): PromptUsage {
    const pieces = piecesOf(body);
    const now = this.#now();
    let total = 0;
    let read = 0;
    let written = 0;
    let write5m = 0;
    let write1h = 0;
    const hash = createHash('sha256').update(String(body.model));
    for (const piece of pieces) {
      total += countText(piece.json);
      hash.update(piece.json);
      if (piece.ttl === null || total < model.minCacheTokens) continue;
      const key = hash.copy().digest('hex');
      const known = (this.#until.get(key) ?? 0) > now;
      this.#until.set(key, now + (piece.ttl === '1h' ? 3_600_000 : 300_000));
      if (known) {
        read = total;
        written = total;
        write5m = 0;
        write1h = 0;
      } else {
        if (piece.ttl === '1h') write1h += total - written;
        else write5m += total - written;
        written = total;
      }
    }
    return { input: total - Math.max(written, read), write5m, write1h, read };
  }
}

/** All tokens of a prompt, whatever is cached. */
export function countPrompt(body: Record<string, unknown>): number {
  return piecesOf(body).reduce((sum, piece) => sum + countText(piece.json), 0);
}

/** Tools, system and messages in the order in which they are cached, each block one piece. */
function piecesOf(body: Record<string, unknown>): Piece[] {
  const pieces: Piece[] = [];
  for (const tool of (body.tools as unknown[] | undefined) ?? []) pieces.push(pieceOf(tool));
  const system = body.system as string | unknown[] | undefined;
  if (typeof system === 'string') pieces.push({ json: system, ttl: null });
  else for (const block of system ?? []) pieces.push(pieceOf(block));
  for (const message of (body.messages as { role: string; content: string | unknown[] }[] | undefined) ?? []) {
    if (typeof message.content === 'string') pieces.push({ json: message.content, ttl: null });
    else for (const block of message.content) pieces.push(pieceOf(block));
  }
  const last = pieces.at(-1);
  if (last !== undefined && isObject(body.cache_control)) pieces[pieces.length - 1] = { ...last, ttl: ttlOf(body.cache_control) };
  return pieces;
}

function pieceOf(block: unknown): Piece {
  const { cache_control: control, ...rest } = block as Record<string, unknown>;
  const json = typeof rest.text === 'string' ? rest.text : JSON.stringify(rest);
  const inner = Array.isArray(rest.content)
    ? (rest.content as Record<string, unknown>[]).find((entry) => isObject(entry?.cache_control))
    : undefined;
  return {
    json,
    ttl: isObject(control) ? ttlOf(control) : inner === undefined ? null : ttlOf(inner.cache_control as Record<string, unknown>),
  };
}

function ttlOf(control: Record<string, unknown>): '5m' | '1h' {
  return control.ttl === '1h' ? '1h' : '5m';
}
