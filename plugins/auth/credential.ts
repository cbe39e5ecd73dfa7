import type { IncomingHttpHeaders } from 'node:http';

const bearer = /^bearer[ \t]+(\S+)[ \t]*$/i;

/** The token of `Authorization: Bearer <token>` (scheme in any case, RFC 9110 §11.1); null when there is none. */
export function bearerToken(headers: IncomingHttpHeaders): string | null {
  const value = headers.authorization;
  if (value === undefined) return null;
  // Every SDK writes exactly this form.
  if (value.startsWith('Bearer ') && value.indexOf(' ', 7) === -1 && value.length > 7) return value.slice(7);
  return bearer.exec(value)?.[1] ?? null;
}

/**
 * The key a caller sent: `Authorization: Bearer`, else `x-api-key`, else `api-key`. The first one present decides; null
 * when none is. A header sent twice never matches a key: Node joins the values with a comma.
 */
export function presentedKey(headers: IncomingHttpHeaders): string | null {
  const token = bearerToken(headers);
  if (token !== null) return token;
  const value = headers['x-api-key'] || headers['api-key'];
  return typeof value === 'string' && value !== '' ? value : null;
}
