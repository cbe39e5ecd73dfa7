import { isUtf8 } from 'node:buffer';
import type { FastifyContentTypeParser, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { CallBody, CutString } from '../providers/provider.ts';
import { type LongString, type StructureFault, type StructureLimits, StructureScanner } from '../providers/wire/structure.ts';
import { GatewayError, UnavailableError, ValidationError } from './errors/classes.ts';

// The JSON body, kept three ways: the bytes as sent (what an upstream of the same dialect gets), the parsed value (what is
// validated) and the offsets of its top-level members (what may be edited). What was checked is what is sent.

export interface BodyOptions {
  /** Bytes of one body; a route's own `bodyLimit` goes first. */
  readonly limit: number;
  /** Bytes of all bodies whose exchanges are open. */
  readonly inFlightLimit: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    callBody: CallBody;
  }
}

/**
 * Measured on bodies at these limits (bench/micro/body.ts, test/e2e/body-blocks.test.ts): the event loop is held for at most
 * 50 ms, where 10 MB of `{}` or nested arrays held it for seconds, and 24 MB of `\"` in three texts for 400 ms. The deepest
 * JSON schema a provider takes has 10 levels; 300,000 token ids are the most that one embeddings request may hold. The work is
 * that of 18 MB of text in short strings, or of 1,800,000 escapes.
 */
const limits: StructureLimits = {
  depth: 128,
  tokens: 100_000,
  commas: 400_000,
  outerString: 8 * 1024 * 1024,
  members: 1_000,
  work: 27_000_000,
};
/** Strings from this length on are cut out before the parse: 32 MB of base64 held the loop for 93 ms. */
const longString = 65_536;
/** Of a string that was cut out this much stays, so that a `data:` URL with a long media type is still seen to be one. */
const shownOfLong = 192;

const invalidJson = (message: string): ValidationError => new ValidationError(message, null, 'invalid_json');

const faults: Readonly<Record<StructureFault, string>> = {
  depth: `The request body is nested more than ${limits.depth} levels deep; flatten it.`,
  tokens: 'The request body has too many values (more than 100,000 objects, arrays and strings, or 400,000 numbers); split it.',
  string: 'The request body has a text of more than 8 MiB; split it.',
  members: `The request body has more than ${limits.members} fields; leave out what the API does not know.`,
  work: 'The request body takes too long to read: it has too many values, escapes or short texts for one request; split it.',
};

const tooLarge = (limit: number): GatewayError =>
  new GatewayError(
    413,
    'invalid_request_error',
    'request_too_large',
    `The request body is larger than the ${limit} bytes taken here.`,
    {
      shouldRetry: false,
    },
  );

/** The text with each long string shortened to its beginning and a mark, and what the marks stand for. */
function shorten(bytes: Buffer, strings: readonly LongString[]): { text: string; cut: Map<string, CutString> } {
  const cut = new Map<string, CutString>();
  let text = '';
  let at = 0;
  for (const { start, end } of strings) {
    const shown = /^[\w:;,/+=. -]*/.exec(bytes.toString('latin1', start, start + shownOfLong))![0];
    const mark = `${shown}…#${start}`;
    cut.set(mark, { start, end, shown: shown.length });
    text += `${bytes.toString('utf8', at, start)}${mark}`;
    at = end;
  }
  return { text: text + bytes.toString('utf8', at), cut };
}

function hasPoisonedKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasPoisonedKey);
  // What was parsed has no keys but its own.
  for (const key in value) {
    if (key === '__proto__') return true;
    const each = (value as Record<string, unknown>)[key];
    if (key === 'constructor' && typeof each === 'object' && each !== null && Object.hasOwn(each, 'prototype')) return true;
    if (hasPoisonedKey(each)) return true;
  }
  return false;
}

function parse(text: string, hasPrototypeKeys: boolean): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidJson('The request body is not valid JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidJson('The request body has to be a JSON object.');
  }
  // Only then: the walk over all keys takes as long as the parse.
  if (hasPrototypeKeys && hasPoisonedKey(value)) {
    throw invalidJson('The request body has a key named "__proto__" or "constructor.prototype"; remove it.');
  }
  return value as Record<string, unknown>;
}

const mark = Buffer.from([0xef, 0xbb, 0xbf]);
const nothing = Buffer.alloc(0);

/** One body while it arrives. Throws `GatewayError` from either method; nothing more is to be pushed then. */
export class BodyReader {
  readonly #scanner = new StructureScanner(limits, longString);
  /** The body so far, in a buffer that grows. */
  #bytes: Buffer = nothing;
  #size = 0;
  readonly #expected: number;
  /** What has come of the first bytes, while it is open whether they are a byte order mark. */
  #start: Buffer | null = nothing;

  /** `expected`: bytes that were announced, 0 when unknown. */
  constructor(expected = 0) {
    this.#expected = expected;
  }

  push(received: Buffer): void {
    if (this.#start === null) this.#take(received);
    else this.#begin(this.#start.length === 0 ? received : Buffer.concat([this.#start, received]));
  }

  /** RFC 8259 §8.1 lets a reader ignore a byte order mark; its three bytes may come one by one. */
  #begin(start: Buffer): void {
    const isMark = start.subarray(0, mark.length).equals(mark);
    this.#start = !isMark && start.length < mark.length && mark.indexOf(start) === 0 ? start : null;
    if (this.#start === null) this.#take(isMark ? start.subarray(mark.length) : start);
  }

  #take(chunk: Buffer): void {
    this.#keep(chunk);
    const fault = this.#scanner.push(chunk);
    if (fault !== null) throw invalidJson(faults[fault]);
  }

  /** Copied as it comes: 32 MiB joined at the end held the loop for 20 ms more. What is announced is not believed at once. */
  #keep(chunk: Buffer): void {
    const from = this.#size;
    this.#size += chunk.length;
    if (from === 0) {
      this.#bytes = chunk;
      return;
    }
    if (this.#size > this.#bytes.length) {
      const wanted = Math.max(this.#size, Math.min(this.#size * 4, Math.max(this.#expected, this.#size * 2)));
      const larger = Buffer.allocUnsafeSlow(wanted);
      this.#bytes.copy(larger, 0, 0, from);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, from);
  }

  end(): CallBody {
    if (this.#start !== null) this.#take(this.#start);
    const bytes = this.#bytes.subarray(0, this.#size);
    if (bytes.length === 0) throw invalidJson('The request body is empty; send a JSON object.');
    if (!isUtf8(bytes)) throw invalidJson('The request body is not valid UTF-8.');
    const { longStrings, hasPrototypeKeys } = this.#scanner;
    const shortened = longStrings.length === 0 ? null : shorten(bytes, longStrings);
    const json = parse(shortened === null ? bytes.toString('utf8') : shortened.text, hasPrototypeKeys);
    const members = this.#scanner.members(bytes);
    const keys = new Set<string>();
    for (const { key } of members) {
      if (keys.has(key)) {
        throw new ValidationError(
          `The JSON body has the key "${key.slice(0, 64)}" more than once; send it once.`,
          key.slice(0, 64),
          'duplicate_key',
        );
      }
      keys.add(key);
    }
    return shortened === null ? { bytes, json, members } : { bytes, json, members, cut: shortened.cut };
  }
}

/** A whole body at once. Throws `GatewayError`. */
export function readBody(received: Buffer): CallBody {
  const reader = new BodyReader();
  reader.push(received);
  return reader.end();
}

const jsonType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i;

function refuseType(request: FastifyRequest): GatewayError | null {
  const type = request.headers['content-type'] ?? '';
  const encoding = request.headers['content-encoding'];
  if (jsonType.test(type) && (encoding === undefined || encoding === 'identity')) return null;
  const message =
    encoding === undefined
      ? 'Send the body as UTF-8 JSON with the header "content-type: application/json".'
      : 'Compressed request bodies are not taken; send it without content-encoding.';
  return new GatewayError(415, 'invalid_request_error', 'unsupported_media_type', message, { shouldRetry: false });
}

export default fp<BodyOptions>(
  async (app, options) => {
    let inFlight = 0;
    app.exchanges.onSettled((exchange) => {
      inFlight -= exchange.bodyBytes;
    });
    app.decorateRequest('callBody', null as unknown as CallBody);
    app.removeAllContentTypeParsers();
    const parser: FastifyContentTypeParser = (request, payload, done) => {
      const limit = request.routeOptions.bodyLimit ?? options.limit;
      const announced = Number(request.headers['content-length'] ?? 0);
      const refused = refuseType(request) ?? (announced > limit ? tooLarge(limit) : null);
      if (refused !== null) {
        done(refused);
        return;
      }
      const reader = new BodyReader(announced);
      const { exchange } = request;
      let over = false;
      const finish = (error: Error | null): void => {
        if (over) return;
        over = true;
        payload.removeListener('data', onData);
        // The rest of a refused body is read and dropped until the connection closes.
        if (error !== null) payload.resume();
        done(error, error === null ? request.callBody.json : undefined);
      };
      const onData = (chunk: Buffer): void => {
        try {
          inFlight += chunk.length;
          exchange.bodyBytes += chunk.length;
          if (exchange.bodyBytes > limit) throw tooLarge(limit);
          if (inFlight > options.inFlightLimit) {
            throw new UnavailableError('Too many large requests are under way; try again shortly.', 'gateway_overloaded');
          }
          reader.push(chunk);
        } catch (error) {
          finish(error as Error);
        }
      };
      payload.on('data', onData);
      payload.once('end', () => {
        if (over) return;
        try {
          request.callBody = reader.end();
          finish(null);
        } catch (error) {
          finish(error as Error);
        }
      });
      // The caller left; nobody hears the answer, and it is no fault of ours that would belong in the log.
      payload.once('error', () => finish(invalidJson('The request body did not arrive in full.')));
    };
    // By its name, found without the other being parsed for every call.
    app.addContentTypeParser('application/json', parser);
    app.addContentTypeParser('*', parser);
  },
  { name: 'body', dependencies: ['errors', 'exchange'], fastify: '5.x' },
);
