import { ValidationError } from '../errors/index.ts';

export const defaultLimit = 50;
export const largestLimit = 200;

export interface PageQuery {
  readonly limit?: string;
  readonly cursor?: string;
}

export interface Page<T> {
  readonly data: T[];
  readonly next_cursor: string | null;
}

/** `v1` of the cursor: "after this id". Opaque to callers, so its shape may change; it holds nothing but the id. */
export function encodeCursor(id: string): string {
  return Buffer.from(JSON.stringify(['v1', id])).toString('base64url');
}

/** The id in a cursor. Throws `ValidationError` on anything `encodeCursor` did not write. */
export function decodeCursor(text: string): string {
  const id = readCursor(text);
  // Base64 decoding skips what it does not know: only the one spelling of a cursor is taken.
  if (id === null || encodeCursor(id) !== text) {
    throw new ValidationError(
      'This cursor was not issued here. Send back next_cursor as it came, or leave cursor out to start over.',
      'cursor',
    );
  }
  return id;
}

function readCursor(text: string): string | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return Array.isArray(value) && value.length === 2 && value[0] === 'v1' && typeof value[1] === 'string' ? value[1] : null;
  } catch {
    return null;
  }
}

/** The page size asked for. Throws `ValidationError`. */
export function parseLimit(text: string | undefined): number {
  if (text === undefined) return defaultLimit;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > largestLimit)
    throw new ValidationError(`limit must be a whole number from 1 to ${largestLimit}.`, 'limit');
  return limit;
}

/**
 * One page of `items` in the order of their ids. A cursor names the last id seen, so pages stay right while items come and
 * go, and a cursor whose item is gone goes on behind its place.
 */
export function paginate<T>(items: readonly T[], query: PageQuery, idOf: (item: T) => string): Page<T> {
  const limit = parseLimit(query.limit);
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor);
  const rest = items
    .filter((item) => after === null || idOf(item) > after)
    .sort((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
  const data = rest.slice(0, limit);
  return { data, next_cursor: rest.length > limit ? encodeCursor(idOf(data.at(-1)!)) : null };
}
