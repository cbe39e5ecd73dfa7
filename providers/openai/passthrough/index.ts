import { answerAsStream, PivotCollector } from '../../pivot/stream.ts';
import { type Call, type Target, type Translation, TranslationError } from '../../provider.ts';
import { secretsOfProvider } from '../../secrets.ts';
import { readFailure } from '../../wire/failure.ts';
import { guarded, parseBody } from '../../wire/json.ts';
import { DIALECT } from '../chat/carry.ts';
import { chatCodec } from '../chat/codec.ts';
import { chatAnswer, verifyChatCompletion } from './chat-json.ts';
import { ChatPassthroughStream } from './chat-stream.ts';
import { embeddingsAnswer } from './embeddings.ts';
import { NoStream } from './no-stream.ts';
import { passthroughRequest } from './request.ts';
import { responsesAnswer } from './responses-json.ts';
import { ResponsesCollector, ResponsesPassthroughStream, responsesAsStream } from './responses-stream.ts';

/**
 * A call of this dialect for a target of this dialect: the bytes pass, see docs/architecture.md. Null for another
 * dialect's call or an operation the provider does not have.
 */
export function translateSameDialect(call: Call, target: Target): Translation | null {
  if (call.dialect !== DIALECT || !target.provider.operations.has(call.operation)) return null;
  const secrets = secretsOfProvider(target.provider);
  const shared: Pick<Translation, 'request' | 'failure'> = {
    request: passthroughRequest(call, target),
    failure: (head, bytes) => readFailure(head, bytes, secrets),
  };
  switch (call.operation) {
    case 'chat':
      return {
        ...shared,
        json: (bytes) => guarded(() => chatAnswer(bytes, secrets)),
        jsonAsStream: (bytes) =>
          guarded(() => {
            const response = chatCodec.decodeResponse(verifyChatCompletion(parseBody(bytes), secrets));
            return answerAsStream(chatCodec.encoder({ usage: call.streamUsage }), response);
          }),
        stream: () => new ChatPassthroughStream(call.streamUsage, secrets),
        aggregate: () => new PivotCollector(chatCodec.decoder(), chatCodec),
      };
    case 'embeddings':
      return {
        ...shared,
        json: (bytes) => guarded(() => embeddingsAnswer(bytes, call, target, secrets)),
        jsonAsStream: () => {
          throw new TranslationError(new NoStream().failure);
        },
        stream: () => new NoStream(),
        aggregate: () => new NoStream(),
      };
    case 'responses':
      return {
        ...shared,
        json: (bytes) => guarded(() => responsesAnswer(bytes, secrets)),
        jsonAsStream: (bytes) => guarded(() => responsesAsStream(bytes, secrets)),
        stream: () => new ResponsesPassthroughStream(secrets),
        aggregate: () => new ResponsesCollector(secrets),
      };
  }
}
