import type {
  JsonAnswer,
  Kept,
  SseEvent,
  StreamTranslator,
  Translation,
  UpstreamFailure,
  UpstreamHead,
  UpstreamRequest,
} from '../../providers/provider.ts';
import { TranslationError } from '../../providers/provider.ts';
import type { Quantities } from '../../providers/unified.ts';
import { SseSplitter } from '../../providers/wire/sse.ts';
import { failed } from '../upstream/index.ts';

/** Largest answer held in memory. */
const maxAnswerBytes = 64 * 1024 * 1024;
/** Of an error answer only the message is of use. */
const maxErrorBytes = 64 * 1024;
/** Events held back until the first content. */
const maxHeldBytes = 1024 * 1024;
const withheld = 'The content filter of the provider withheld the answer.';

/** What one upstream answer turns out to be. `onWhole` or `onBroken` comes once and last. */
export interface AnswerSink {
  /** How the answer is read is known: a document is watched as a whole, a stream event by event. */
  onKind(kind: 'document' | 'events'): void;
  /** The first model content; bytes follow. */
  onContent(): void;
  /** Translated bytes of a stream for a caller who wants one. */
  onBytes(bytes: Buffer): void;
  onEvent(): void;
  /** The answer is whole: the JSON document, or the closing bytes of a stream. */
  onWhole(bytes: Buffer): void;
  /** The upstream's content filter left nothing of the answer, as far as it came: true when another target is asked instead. */
  onFiltered(): boolean;
  /** The answer has another part, which has to be asked for. */
  onNext(request: UpstreamRequest): void;
  onBroken(failure: UpstreamFailure): void;
}

type Reading = 'nothing' | 'failure' | 'document' | 'events' | 'unknown';

/** Reads one upstream answer through its translation, whatever form it comes in, and holds bytes back until there is content. */
export class AnswerReader {
  readonly #translation: Translation;
  readonly #stream: boolean;
  readonly #sink: AnswerSink;
  #reading: Reading = 'nothing';
  #head: UpstreamHead | null = null;
  #chunks: Buffer[] = [];
  #size = 0;
  #splitter: SseSplitter | null = null;
  #translator: StreamTranslator | null = null;
  #answer: JsonAnswer | null = null;
  #outputs: Buffer[] = [];
  #outputSize = 0;
  #content = false;
  #over = false;

  /** `stream`: the caller wants a stream. */
  constructor(translation: Translation, stream: boolean, sink: AnswerSink) {
    this.#translation = translation;
    this.#stream = stream;
    this.#sink = sink;
  }

  get usage(): Quantities | null {
    return this.#answer?.usage ?? this.#translator?.usage ?? null;
  }

  get servedModel(): string | null {
    return this.#answer?.model ?? this.#translator?.model ?? null;
  }

  /** Of generated content, as far as it arrived. */
  get characters(): number {
    return this.#answer?.characters ?? this.#translator?.characters ?? 0;
  }

  /** What has to be kept for the next turn; known once the answer is whole. */
  get kept(): readonly Kept[] {
    return this.#answer?.kept ?? this.#translator?.kept ?? [];
  }

  head(head: UpstreamHead): void {
    this.#head = head;
    const type = String(head.headers['content-type'] ?? '').toLowerCase();
    if (head.status < 200 || head.status > 299) this.#read('failure');
    else if (type.includes('event-stream')) this.#read('events');
    else if (type === '' && this.#stream) this.#reading = 'unknown';
    else this.#read('document');
  }

  data(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#reading === 'unknown') this.#read(/^\s*[[{<]/.test(chunk.toString('latin1', 0, 64)) ? 'document' : 'events');
    if (this.#reading === 'events') this.#events(chunk);
    else this.#collect(chunk);
  }

  end(): void {
    if (this.#over) return;
    if (this.#reading === 'events') this.#endOfEvents();
    else if (this.#reading === 'failure') this.#brokenByStatus();
    else this.#endOfDocument();
  }

  /** The transport broke. */
  broken(failure: UpstreamFailure): void {
    if (this.#over) return;
    // An error status says more than the broken end of its body.
    if (this.#reading === 'failure') this.#brokenByStatus();
    // Whole by the protocol's own rules: how the transport ended does not matter any more.
    else if (this.#translator?.completed === true && this.#translator.failure === null) this.#endOfEvents();
    else this.#break(failure);
  }

  #read(reading: 'failure' | 'document' | 'events'): void {
    this.#reading = reading;
    if (reading === 'events') {
      this.#splitter = new SseSplitter();
      this.#translator = this.#stream ? this.#translation.stream() : this.#translation.aggregate();
    }
    this.#sink.onKind(reading === 'events' ? 'events' : 'document');
  }

  #collect(chunk: Buffer): void {
    this.#size += chunk.length;
    const limit = this.#reading === 'failure' ? maxErrorBytes : maxAnswerBytes;
    if (this.#size <= limit) this.#chunks.push(chunk);
    else if (this.#reading === 'failure') this.#brokenByStatus();
    else this.#break(failed('protocol', 'the answer of the provider is too large'));
  }

  #brokenByStatus(): void {
    this.#break(this.#translation.failure(this.#head!, Buffer.concat(this.#chunks)));
  }

  #endOfDocument(): void {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [];
    try {
      const next = this.#translation.next?.(bytes) ?? null;
      if (next !== null) {
        this.#reading = 'nothing';
        this.#size = 0;
        this.#sink.onNext(next);
        return;
      }
      if (!this.#stream) {
        this.#answer = this.#translation.json(bytes);
        if (!this.#withheld(this.#answer.filtered)) this.#whole(this.#answer.bytes);
        return;
      }
      const answer = this.#translation.jsonAsStream(bytes);
      this.#answer = answer;
      if (this.#withheld(answer.filtered)) return;
      this.#sink.onContent();
      this.#sink.onBytes(answer.bytes);
      this.#whole(answer.tail);
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error;
      this.#break(error.failure);
    }
  }

  #onEvent(event: SseEvent): void {
    const translator = this.#translator!;
    if (translator.failure !== null || translator.finished) return;
    const bytes = translator.push(event);
    this.#sink.onEvent();
    if (bytes === null || !this.#stream) return;
    this.#outputs.push(bytes);
    this.#outputSize += bytes.length;
  }

  #events(chunk: Buffer): void {
    const translator = this.#translator!;
    // Not a closure kept as a field: measured, that kept each stream alive until a full collection (20 kB, collections of 7 ms).
    const fits = this.#splitter!.push(chunk, (event) => this.#onEvent(event));
    // What came before a failure in the same chunk goes out first: the cut of the chunks must not change the outcome.
    if (translator.content && (this.#content || translator.refusing !== true || !this.#sink.onFiltered())) {
      this.#open();
      this.#flush();
    } else if (this.#outputSize > maxHeldBytes) {
      this.#break(failed('protocol', 'the provider sent too much before any content'));
      return;
    }
    if (this.#over) return;
    if (translator.failure !== null) this.#break(translator.failure);
    else if (!fits) this.#break(failed('protocol', 'the provider sent an event that is too large'));
    else if (translator.finished) this.#endOfEvents();
    else if (translator.characters > maxAnswerBytes) this.#break(failed('protocol', 'the answer of the provider is too large'));
  }

  #endOfEvents(): void {
    const translator = this.#translator!;
    translator.end();
    if (translator.failure !== null) {
      this.#break(translator.failure);
      return;
    }
    if (this.#stream) {
      if (!this.#content && this.#withheld(translator.filtered)) return;
      // Whole without content (an empty answer) is an answer too.
      this.#open();
      this.#flush();
      this.#whole(translator.tail());
      return;
    }
    try {
      this.#answer = (translator as ReturnType<Translation['aggregate']>).result();
      if (!this.#withheld(this.#answer.filtered)) this.#whole(this.#answer.bytes);
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error;
      this.#break(error.failure);
    }
  }

  /** Whether the answer is no answer, because a content filter left nothing of it and another target is there for that. */
  #withheld(filtered: boolean | undefined): boolean {
    if (filtered !== true || !this.#sink.onFiltered()) return false;
    this.#break({ ...failed('content_policy', withheld), code: 'content_filter' });
    return true;
  }

  #open(): void {
    if (this.#content) return;
    this.#content = true;
    this.#sink.onContent();
  }

  #flush(): void {
    if (this.#outputs.length === 0) return;
    const bytes = this.#outputs.length === 1 ? this.#outputs[0]! : Buffer.concat(this.#outputs, this.#outputSize);
    this.#outputs = [];
    this.#outputSize = 0;
    this.#sink.onBytes(bytes);
  }

  #whole(bytes: Buffer): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.onWhole(bytes);
  }

  #break(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.onBroken(failure);
  }
}
