import { TranslationError, type UpstreamFailure } from '../provider.ts';

/** A JSON object as JSON.parse makes it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether the value is a JSON object: not null, not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value if it is a string with something in it, else null. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.length > 0 ? value : null;
}

/** A failure of the upstream's form rather than of its service: wrong shape, wrong type, not JSON. */
export function protocolFailure(message: string): UpstreamFailure {
  return { reason: 'protocol', status: 0, message, code: null, param: null, retryAfterMs: null, unsent: false };
}

/** Throws `TranslationError` with reason `protocol`. */
export function protocolError(message: string): never {
  throw new TranslationError(protocolFailure(message));
}

/** Throws `TranslationError` with reason `invalid_request`: the caller asked for what this upstream cannot be asked. */
export function refuse(message: string, param: string): never {
  throw new TranslationError({ ...protocolFailure(message), reason: 'invalid_request', param });
}

/**
 * Parses a whole JSON body, by `parse` where that is not to be JSON.parse. Throws `TranslationError` naming what came instead (nothing,
 * markup, broken JSON).
 */
export function parseBody(bytes: Buffer, parse: (text: string) => unknown = JSON.parse): unknown {
  if (bytes.length === 0) protocolError('The provider answered with an empty body.');
  try {
    return parse(bytes.toString('utf8'));
  } catch {
    const start = bytes.subarray(0, 256).toString('latin1').trimStart();
    if (start.startsWith('<')) protocolError('The provider answered with a markup page instead of JSON.');
    return protocolError('The provider answered with text that is not valid JSON, or only a part of it.');
  }
}

/**
 * Runs a translation of hostile input: whatever it throws that is no `TranslationError` (the stack overflow of a document nested
 * ten thousand deep, in JSON.stringify) becomes one with reason `protocol`.
 */
export function guarded<T>(translate: () => T): T {
  try {
    return translate();
  } catch (error) {
    if (error instanceof TranslationError) throw error;
    return protocolError('The provider answered with a document that cannot be read.');
  }
}
