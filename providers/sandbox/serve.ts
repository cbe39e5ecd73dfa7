import type { LocalReply, UpstreamRequest } from '../provider.ts';
import { chatReply } from './chat.ts';
import { embeddingsReply } from './embeddings.ts';
import { type Behaviour, behaviours, builtin } from './models.ts';
import { chatPrompt, responsesPrompt } from './prompt.ts';
import { badRequest, envelope, jsonReply, type Refusal, refuse, reply, sse } from './reply.ts';
import { responsesReply } from './responses.ts';
import { digest, isObject, type JsonObject } from './text.ts';

const route = /^(?:\/v1)?\/(chat\/completions|embeddings|responses|models)\/?(?:\?|$)/;

type Operation = 'chat/completions' | 'embeddings' | 'responses';

function parse(body: Buffer | null): JsonObject | null {
  try {
    const value: unknown = JSON.parse(body?.toString('utf8') ?? '');
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function modelList(): LocalReply {
  return jsonReply({
    object: 'list',
    data: builtin.map(({ id, created, ownedBy }) => ({ id, object: 'model', created, owned_by: ownedBy })),
  });
}

function unknownModel(model: string): Refusal {
  const message = `The sandbox has no model "${model}". It has: ${[...behaviours.keys()].join(', ')}.`;
  return { status: 404, type: 'invalid_request_error', code: 'model_not_found', message, param: 'model' };
}

/** An error under status 200, the way each operation streams one. */
function errorUnder200(refusal: Refusal, operation: Operation, stream: boolean): LocalReply {
  if (!stream) return jsonReply(envelope(refusal));
  const { code, message } = refusal;
  const bytes =
    operation === 'responses'
      ? sse({ type: 'error', sequence_number: 0, code, message, param: null }, 'error')
      : sse(envelope(refusal));
  return reply(200, 'text/event-stream; charset=utf-8', [{ after: 0, bytes }]);
}

function answer(
  operation: Operation,
  body: JsonObject,
  behaviour: Extract<Behaviour, { kind: 'answer' }>,
  model: string,
  id: string,
) {
  if (operation === 'embeddings')
    return refuse(badRequest(`The sandbox model "${model}" makes no embeddings; "embed" does.`, 'model'));
  const prompt = operation === 'chat/completions' ? chatPrompt(body) : responsesPrompt(body);
  if ('status' in prompt) return refuse(prompt);
  return operation === 'chat/completions'
    ? chatReply(prompt, behaviour, model, id)
    : responsesReply(body, prompt, behaviour, model, id);
}

function perform(operation: Operation, body: JsonObject, model: string, behaviour: Behaviour, id: string): LocalReply {
  const stream = body.stream === true && operation !== 'embeddings';
  switch (behaviour.kind) {
    case 'refuse':
      return refuse(behaviour.refusal);
    case 'error-in-200':
      return errorUnder200(behaviour.refusal, operation, stream);
    case 'raw': {
      const streamed = stream ? behaviour.streamed : undefined;
      const type = streamed === undefined ? behaviour.contentType : 'text/event-stream; charset=utf-8';
      return reply(200, type, [{ after: 0, bytes: Buffer.from(streamed ?? behaviour.body) }]);
    }
    case 'embed':
      if (operation === 'embeddings') return embeddingsReply(body, model);
      return refuse(badRequest('The sandbox model "embed" only makes embeddings; "echo" answers.', 'model'));
    case 'answer':
      return answer(operation, body, behaviour, model, id);
  }
}

/**
 * The server side of the sandbox: chat completions, embeddings, responses and the model list of the OpenAI dialect, with or
 * without `/v1`. Pure: the same request gets the same bytes. Never throws; what is wrong with a request is a 4xx.
 */
export function serve(request: UpstreamRequest): LocalReply {
  const place = route.exec(request.path)?.[1];
  if (place === undefined) {
    const message = 'The sandbox serves /chat/completions, /embeddings, /responses and /models.';
    return refuse({ status: 404, type: 'invalid_request_error', code: 'unknown_url', message });
  }
  if (place === 'models') return modelList();
  const body = parse(request.body);
  if (body === null) return refuse(badRequest('The body has to be a JSON object.', null, 'invalid_json'));
  if (typeof body.model !== 'string') return refuse(badRequest("'model' is required.", 'model', 'missing_required_parameter'));
  const behaviour = behaviours.get(body.model);
  if (behaviour === undefined) return refuse(unknownModel(body.model));
  const id = digest(place, request.body ?? '');
  const answered = perform(place as Operation, body, body.model, behaviour, id);
  return { ...answered, headers: { ...answered.headers, 'x-request-id': `req_${id.slice(0, 32)}` } };
}
