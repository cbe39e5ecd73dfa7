import { frontOf } from '../fronts.ts';
import type { Call, ChatBack, ChatFront, JsonAnswer, Target, Translation, TranslationContext } from '../provider.ts';
import type { ChatRequest, ChatResponse } from '../unified.ts';
import { parseIntegers } from '../wire/exact-json.ts';
import { guarded, type JsonObject, parseBody, refuse } from '../wire/json.ts';
import { completeJson, withOriginals } from './cut.ts';
import { applyFields, Notes } from './fields.ts';
import { KeptCollector, withKept } from './kept.ts';
import { RuledDecoder, ruledResponse } from './rules.ts';
import { answerAsStream, PivotCollector, PivotStream, readingsOf } from './stream.ts';

/**
 * A translation of a chat call for a target of another dialect, by way of the unified model. Streams always ask for usage; the
 * client sees it when it asked (`call.streamUsage`). Throws `TranslationError` with reason `invalid_request` for a request that
 * the back dialect cannot say.
 */
export function translateThroughPivot(call: Call, target: Target, back: ChatBack, context: TranslationContext): Translation {
  const front = frontOf(call.dialect);
  const notes = new Notes(call, target);
  const { request, prefix } = encodeCall(call, target, front, back, notes);
  const encoder = () => front.encoder({ usage: call.streamUsage });
  const decoder = () => new RuledDecoder(back.decoder(), context, target.model);
  const answer = (bytes: Buffer) => decodeAnswer(back, bytes, target, context);
  return {
    request,
    ignored: notes.ignored,
    ...(prefix === undefined ? {} : { prefix }),
    json: (bytes) =>
      guarded(() => {
        const { response, kept } = answer(bytes);
        return { ...answerAsJson(front, response), kept };
      }),
    jsonAsStream: (bytes) =>
      guarded(() => {
        const { response, kept } = answer(bytes);
        return { ...answerAsStream(encoder(), response), kept };
      }),
    stream: () => new PivotStream(decoder(), encoder(), new KeptCollector(target)),
    aggregate: () => new PivotCollector(decoder(), front, new KeptCollector(target)),
    failure: (head, bytes) => back.failure(head, bytes),
  };
}

function encodeCall(call: Call, target: Target, front: ChatFront, back: ChatBack, notes: Notes): ReturnType<ChatBack['encode']> {
  const encode = (json: JsonObject) => back.encode(decodeCall(json, call, target, front, back, notes), notes);
  const encoded = encode(call.body.json);
  if (call.body.cut === undefined) return encoded;
  const { request, prefix } = encoded;
  // A prefix is told from others by what is in it, so there the strings themselves are needed.
  const body = request.body === null || prefix !== undefined ? null : withOriginals(request.body, call.body);
  return body === null ? encode(completeJson(call.body)) : { request: { ...request, body } };
}

function decodeCall(json: JsonObject, call: Call, target: Target, front: ChatFront, back: ChatBack, notes: Notes): ChatRequest {
  const { body, options } = applyFields(json, call.dropped, front, back, notes, target);
  const request = front.decodeRequest(body);
  const unread = front.unreadMessage(body);
  if (unread !== null)
    refuse(
      `\`${unread}\` is a deprecated form that the model \`${target.id}\` does not know. Use \`tools\`, \`tool_calls\` and role \`tool\`.`,
      unread,
    );
  for (const field of front.unread(body, request))
    notes.unsupported(field, `\`${field}\` has a form that the model \`${target.id}\` does not know. Use one of the API's own.`);
  const aimed: ChatRequest = {
    ...request,
    model: target.model,
    stream: call.stream,
    streamUsage: call.stream,
    ...(options === null ? {} : { extensions: { ...request.extensions, [back.dialect]: options } }),
  };
  return withKept(aimed, call.kept, back.dialect, target);
}

function decodeAnswer(back: ChatBack, bytes: Buffer, target: Target, context: TranslationContext) {
  const response = ruledResponse(back.decodeResponse(parseBody(bytes, parseIntegers)), context, target.model);
  const collector = new KeptCollector(target);
  collector.response(response);
  return { response, kept: collector.kept };
}

function answerAsJson(front: ChatFront, response: ChatResponse): JsonAnswer {
  return { bytes: Buffer.from(JSON.stringify(front.encodeResponse(response))), ...readingsOf(response) };
}
