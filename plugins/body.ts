import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { CallBody, Member } from '../providers/provider.ts';
import { DuplicateMemberError, NestingError, scanMembers } from '../providers/wire/members.ts';
import { GatewayError, ValidationError } from './errors/classes.ts';

// The JSON body, kept three ways: the bytes as sent (what an upstream of the same dialect gets), the parsed value (what is
// validated) and the offsets of its top-level members (what may be edited). What was checked is what is sent.

declare module 'fastify' {
  interface FastifyRequest {
    callBody: CallBody;
  }
}

const invalidJson = (message: string): ValidationError => new ValidationError(message, null, 'invalid_json');

function parse(bytes: Buffer): Record<string, unknown> {
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidJson('The request body is not valid JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidJson('The request body has to be a JSON object.');
  }
  // Cheap test first: a key can only be spelt with these letters or with an escape.
  if ((text.includes('__proto__') || text.includes('"constructor"') || text.includes('\\u00')) && hasPoisonedKey(value)) {
    throw invalidJson('The request body has a key named "__proto__" or "constructor.prototype"; remove it.');
  }
  return value as Record<string, unknown>;
}

/** Levels below the body; the deepest JSON schema a provider takes has 10. */
const deepest = 128;

function hasPoisonedKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasPoisonedKey);
  for (const [key, each] of Object.entries(value)) {
    if (key === '__proto__') return true;
    if (key === 'constructor' && typeof each === 'object' && each !== null && Object.hasOwn(each, 'prototype')) return true;
    if (hasPoisonedKey(each)) return true;
  }
  return false;
}

/** The members, or why there are none to be had; told only once the text is known to be JSON. */
function scan(bytes: Buffer): readonly Member[] | DuplicateMemberError {
  try {
    return scanMembers(bytes, 'refuse', deepest);
  } catch (error) {
    if (error instanceof DuplicateMemberError) return error;
    if (error instanceof NestingError) throw invalidJson(error.message);
    throw error;
  }
}

/** Reads `bytes` as one JSON object. Throws `ValidationError` with code `invalid_json`. */
export function readBody(received: Buffer): CallBody {
  const hasMark = received.length >= 3 && received[0] === 0xef && received[1] === 0xbb && received[2] === 0xbf;
  const bytes = hasMark ? received.subarray(3) : received;
  if (bytes.length === 0) throw invalidJson('The request body is empty; send a JSON object.');
  if (!isUtf8(bytes)) throw invalidJson('The request body is not valid UTF-8.');
  // Before the parse: nesting of 100,000 levels parses, and then overflows the stack of whoever walks it.
  const members = scan(bytes);
  const json = parse(bytes);
  if (members instanceof DuplicateMemberError) throw new ValidationError(members.message, members.key, 'duplicate_key');
  return { bytes, json, members };
}

const jsonType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i;

export default fp(
  async (app) => {
    app.decorateRequest('callBody', null as unknown as CallBody);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer, done) => {
      const type = request.headers['content-type'] ?? '';
      const encoding = request.headers['content-encoding'];
      if (!jsonType.test(type) || (encoding !== undefined && encoding !== 'identity')) {
        const message =
          encoding === undefined
            ? 'Send the body as UTF-8 JSON with the header "content-type: application/json".'
            : 'Compressed request bodies are not taken; send it without content-encoding.';
        done(new GatewayError(415, 'invalid_request_error', 'unsupported_media_type', message, { shouldRetry: false }));
        return;
      }
      try {
        request.callBody = readBody(body);
        done(null, request.callBody.json);
      } catch (error) {
        done(error as Error);
      }
    });
  },
  { name: 'body', dependencies: ['errors'], fastify: '5.x' },
);
