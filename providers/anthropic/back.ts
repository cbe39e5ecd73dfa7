import type { ChatBack, Target } from '../provider.ts';
import { secretsOfProvider } from '../secrets.ts';
import { DIALECT } from './dialect.ts';
import { failureOf } from './failure.ts';
import { fields } from './fields.ts';
import { encodeRequest } from './request.ts';
import { decodeResponse } from './response.ts';
import { MessageStreamDecoder } from './stream.ts';

/** The Messages API for one call: how the answer is read depends on how it was asked for. */
export function messagesBack(target: Target): ChatBack {
  const hidden = secretsOfProvider(target.provider);
  let formatTool: string | null = null;
  return {
    dialect: DIALECT,
    fields,
    options: ['thinking', 'anthropic'],
    encode(request, notes) {
      const encoded = encodeRequest(request, target, notes);
      ({ formatTool } = encoded);
      return { request: encoded.request };
    },
    decodeResponse: (body) => decodeResponse(body, formatTool, hidden),
    decoder: () => new MessageStreamDecoder(formatTool, hidden),
    failure: (head, bytes) => failureOf(head, bytes, hidden),
  };
}
