import type { GatewayError } from '../errors/classes.ts';
import { envelope, errorHeaders } from '../errors/envelope.ts';
import { interruption } from './outcome.ts';

export type { GatewayError } from '../errors/classes.ts';

/** An error as a whole response. `random`: numbers in [0, 1). */
export function toErrorReply(error: GatewayError, random: () => number): { headers: string[]; body: Buffer } {
  return { headers: Object.entries(errorHeaders(error, random)).flat(), body: Buffer.from(envelope(error)) };
}

/**
 * An error after the 200: one `data:` event with an `error` member, which the official SDKs throw on. A dialect with named
 * events gets the name too, and the fields its own error event has.
 */
export function toErrorEvent(error: GatewayError, namedEvents: boolean): Buffer {
  const body = interruption(error);
  if (!namedEvents) return Buffer.from(`data: ${JSON.stringify({ error: body })}\n\n`);
  const { code, message, param } = body;
  return Buffer.from(`event: error\ndata: ${JSON.stringify({ type: 'error', code, message, param, error: body })}\n\n`);
}
