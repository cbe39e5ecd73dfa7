import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { CallBody } from '../providers/provider.ts';
import { DuplicateMemberError, scanMembers } from '../providers/wire/members.ts';
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
  if ((text.includes('__proto__') || text.includes('"constructor"') || text.includes('\\u00')) && hasPoisonedKey(value, 0)) {
    throw invalidJson('The request body has a key named "__proto__" or "constructor.prototype"; remove it.');
  }
  return value as Record<string, unknown>;
}

const deepest = 512;

function hasPoisonedKey(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth > deepest) throw invalidJson('The request body is nested too deeply.');
  if (Array.isArray(value)) return value.some((each) => hasPoisonedKey(each, depth + 1));
  for (const [key, each] of Object.entries(value)) {
    if (key === '__proto__') return true;
    if (key === 'constructor' && typeof each === 'object' && each !== null && Object.hasOwn(each, 'prototype')) return true;
    if (hasPoisonedKey(each, depth + 1)) return true;
  }
  return false;
}

/** Reads `bytes` as one JSON object. Throws `ValidationError` with code `invalid_json`. */
export function readBody(received: Buffer): CallBody {
  const hasMark = received.length >= 3 && received[0] === 0xef && received[1] === 0xbb && received[2] === 0xbf;
  const bytes = hasMark ? received.subarray(3) : received;
  if (bytes.length === 0) throw invalidJson('The request body is empty; send a JSON object.');
  if (!isUtf8(bytes)) throw invalidJson('The request body is not valid UTF-8.');
  const json = parse(bytes);
  try {
    return { bytes, json, members: scanMembers(bytes) };
  } catch (error) {
    if (error instanceof DuplicateMemberError) throw new ValidationError(error.message, error.key, 'duplicate_key');
    throw error;
  }
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
