import { type JsonAnswer, type StreamTranslator, TranslationError, type UpstreamFailure } from '../../provider.ts';
import { protocolFailure } from '../../wire/json.ts';

/** Stands where an operation has no streamed form: an upstream that streams it anyway has failed. */
export class NoStream implements StreamTranslator {
  readonly content = false;
  readonly completed = false;
  readonly finished = true;
  readonly failure: UpstreamFailure = protocolFailure('The provider answered with an event stream to a call that has none.');
  readonly usage = null;
  readonly model = null;
  readonly characters = 0;

  push(): null {
    return null;
  }

  end(): void {}

  tail(): Buffer {
    return Buffer.alloc(0);
  }

  result(): JsonAnswer {
    throw new TranslationError(this.failure);
  }
}
