import type { ChatBack, EncodeNotes, StreamDecoder } from '../chat.ts';
import type { CallBody, PromptPrefix, Target, UpstreamFailure, UpstreamHead, UpstreamRequest } from '../provider.ts';
import type { ChatRequest, ChatResponse } from '../unified.ts';
import { DIALECT } from './dialect.ts';
import { geminiFailure } from './failure.ts';
import { fields } from './fields.ts';
import { optionFields } from './options.ts';
import { chatRequest, prefixOf } from './prefix.ts';
import { documentOf, encodeChat } from './request/encode.ts';
import type { SoundFormat } from './request/sound.ts';
import { GeminiDecoder } from './response/stream.ts';
import { decodeWhole } from './response/whole.ts';

/** One chat call for one target: what was asked decides a little of how the answer is read. */
export class GeminiChat implements ChatBack {
  readonly dialect = DIALECT;
  readonly fields = fields;
  readonly options = optionFields;
  readonly #target: Target;
  readonly #secrets: readonly string[];
  readonly #cut: CallBody['cut'];
  #sound: SoundFormat = 'pcm16';
  #ownCachedContent = false;
  #oneCall = false;

  /** `secrets` are kept out of failure messages; `cut` has the strings of the request that only stand for long ones. */
  constructor(target: Target, secrets: readonly string[], cut?: CallBody['cut']) {
    this.#target = target;
    this.#secrets = secrets;
    this.#cut = cut;
  }

  encode(request: ChatRequest, notes: EncodeNotes): { readonly request: UpstreamRequest; readonly prefix?: PromptPrefix } {
    const chat = encodeChat(request, this.#target, notes);
    this.#sound = chat.sound;
    this.#ownCachedContent = chat.cachedContent;
    this.#oneCall = request.parallelToolCalls === false;
    const prefix = prefixOf(chat, this.#target, { stream: request.stream, secrets: this.#secrets, cut: this.#cut });
    const encoded = chatRequest(this.#target, documentOf(chat, chat.head, chat.pieces), request.stream);
    return { request: encoded, ...(prefix === undefined ? {} : { prefix }) };
  }

  decodeResponse(body: unknown): ChatResponse {
    return decodeWhole(body, { sound: this.#sound, secrets: this.#secrets, oneCall: this.#oneCall });
  }

  decoder(): StreamDecoder {
    return new GeminiDecoder({ sound: this.#sound, secrets: this.#secrets, oneCall: this.#oneCall });
  }

  failure(head: UpstreamHead, bytes: Buffer): UpstreamFailure {
    return geminiFailure(head, bytes, this.#secrets, { ownCachedContent: this.#ownCachedContent });
  }
}
