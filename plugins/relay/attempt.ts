import type {
  Credential,
  Target,
  Translation,
  UpstreamFailure,
  UpstreamHead,
  UpstreamRequest,
} from '../../providers/provider.ts';
import type { Timeouts } from '../../schemas/config.ts';
import { type AnswerListener, failed, type TransportFailure, type Upstream, type UpstreamCall } from '../upstream/index.ts';
import { asCallers } from './bound-key.ts';
import { AnswerReader, type AnswerSink } from './reader.ts';
import type { Meter, Watchdog } from './watchdog.ts';

/** After the protocol's end the body may take this long to end too, so that the socket can be used again. */
const lingerMs = 1_000;
const tooSlow = 'the provider sent less in a time than the minimum rate';

/** Who runs the attempts of an exchange. Exactly one of `onAnswered` and `onFailed` is called, unless aborted. */
export interface AttemptOwner {
  /** The first content of a stream that will be delivered: from here on no other target may answer. */
  onCommitted(attempt: Attempt): void;
  /** More of it; false asks the attempt to pause until `resume`. */
  onBytes(attempt: Attempt, bytes: Buffer): boolean;
  /** The answer is whole. `bytes`: the JSON document, or the closing bytes of a stream. */
  onAnswered(attempt: Attempt, bytes: Buffer): void;
  /** The head of the answer is there. */
  onHeaded(attempt: Attempt): void;
  /** The upstream's content filter left nothing of the answer: true when it is to fail, so that others are asked. */
  onFiltered(attempt: Attempt): boolean;
  /** `stale`: a kept-alive socket closed under the request before any answer. */
  onFailed(attempt: Attempt, failure: UpstreamFailure, stale: boolean): void;
}

/** What is fixed about one send. */
export interface SendFacts {
  readonly target: Target;
  readonly credential: Credential;
  /** The caller brought it. */
  readonly callersKey?: boolean;
  /** 1 for the first send of the exchange. */
  readonly number: number;
  readonly stream: boolean;
  readonly timeouts: Timeouts;
}

/** One send to one target, with its clocks: connect, first byte, first content, idle, minimum rate. */
export class Attempt implements AnswerListener, AnswerSink, Meter {
  readonly target: Target;
  /** 1 for the first send of the exchange. */
  readonly number: number;
  readonly reader: AnswerReader;
  /** Bytes of a stream have gone to the caller. */
  committed = false;
  upstreamStatus = 0;
  /** `performance.now()` milliseconds; 0 = not yet. */
  startedAt = 0;
  headAt = 0;
  firstContentAt = 0;
  endedAt = 0;

  readonly #credential: Credential;
  readonly #callersKey: boolean;
  readonly #request: UpstreamRequest;
  readonly #stream: boolean;
  readonly #timeouts: Timeouts;
  readonly #owner: AttemptOwner;
  #upstream: Upstream | null = null;
  #via: string | undefined;
  #call: UpstreamCall | null = null;
  /** A part of the answer is there already. */
  #answered = false;
  #over = false;
  #transportOver = false;
  #stale = false;
  #linger: NodeJS.Timeout | null = null;
  /** Bytes of a document, which shows its content only when it is whole; -1 for a stream. */
  #received = -1;
  readonly #watchdog: Watchdog;

  constructor(facts: SendFacts, translation: Translation, request: UpstreamRequest, watchdog: Watchdog, owner: AttemptOwner) {
    this.target = facts.target;
    this.number = facts.number;
    this.reader = new AnswerReader(translation, facts.stream, this);
    this.#credential = facts.credential;
    this.#callersKey = facts.callersKey === true;
    this.#request = request;
    this.#stream = facts.stream;
    this.#timeouts = facts.timeouts;
    this.#watchdog = watchdog;
    this.#owner = owner;
  }

  get sent(): boolean {
    return this.#answered || this.#call?.sent === true;
  }

  get progress(): number {
    return this.#received < 0 ? this.reader.characters : this.#received;
  }

  start(upstream: Upstream, via: string | undefined): void {
    this.startedAt = performance.now();
    this.#upstream = upstream;
    this.#via = via;
    this.#send(this.#request, this.startedAt);
  }

  #send(request: UpstreamRequest, now: number): void {
    this.#watchdog.phase('connect', this.#timeouts.connect, now);
    this.#call = this.#upstream!.send(this.target.provider, request, this.#via, this, this.#credential);
  }

  /** Closes the upstream socket; the owner hears nothing more. */
  abort(): void {
    if (this.#over) return;
    this.#finish();
    this.#call?.abort();
  }

  /** The caller has caught up. */
  resume(): void {
    if (this.#over) return;
    const now = performance.now();
    this.#watchdog.phase('idle', this.#timeouts.idle, now);
    // A hedge that has no content yet has not been held up.
    if (this.firstContentAt > 0) this.#askForRate(now);
    this.#call?.resume();
  }

  // --- from the transport

  onSent(): void {
    if (this.#over) return;
    const now = performance.now();
    this.#watchdog.phase('first byte', this.#timeouts.first_byte, now);
    this.#watchdog.content(this.#timeouts.first_content, now);
  }

  onHead(head: UpstreamHead): void {
    if (this.#over) return;
    this.upstreamStatus = head.status;
    this.headAt = performance.now();
    this.#watchdog.pause();
    this.#owner.onHeaded(this);
    this.reader.head(head);
  }

  onData(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#received >= 0) this.#received += chunk.length;
    this.reader.data(chunk);
  }

  onEnd(): void {
    this.#transportOver = true;
    this.#stopLinger();
    if (!this.#over) this.reader.end();
  }

  onFailure(failure: TransportFailure): void {
    this.#transportOver = true;
    this.#stopLinger();
    if (this.#over) return;
    this.#stale = failure.stale;
    this.reader.broken(failure);
  }

  // --- from the reader

  onKind(kind: 'document' | 'events'): void {
    // A document is one event: it has to be whole within the idle time, however it trickles.
    if (kind !== 'document') return;
    const now = performance.now();
    this.#watchdog.phase('idle', this.#timeouts.idle, now);
    this.#received = 0;
    this.#askForRate(now);
  }

  onNext(request: UpstreamRequest): void {
    this.#answered = true;
    this.#transportOver = false;
    this.#received = -1;
    this.#watchdog.pause();
    this.#send(request, performance.now());
  }

  onEvent(): void {
    this.#watchdog.touch(performance.now());
  }

  onContent(): void {
    this.firstContentAt = performance.now();
    this.#watchdog.contentSeen();
    this.#watchdog.phase('idle', this.#timeouts.idle, this.firstContentAt);
    if (this.#received < 0) this.#askForRate(this.firstContentAt);
    if (!this.#stream) return;
    this.committed = true;
    this.#owner.onCommitted(this);
  }

  onBytes(bytes: Buffer): void {
    if (this.#owner.onBytes(this, bytes) || this.#over) return;
    // The caller is the slow one now; its own clock runs.
    this.#watchdog.pause();
    this.#call?.pause();
  }

  onFiltered(): boolean {
    return this.#owner.onFiltered(this);
  }

  onWhole(bytes: Buffer): void {
    if (this.firstContentAt === 0) this.firstContentAt = performance.now();
    this.#finish();
    if (!this.#transportOver) this.#letEnd();
    this.#owner.onAnswered(this, bytes);
  }

  onBroken(failure: UpstreamFailure): void {
    this.#fail(failure);
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#finish();
    if (!this.#transportOver) this.#call?.abort();
    // An error inside a 200 counts as what it says it is, also for what is charged.
    if (!this.committed && failure.status >= 400) this.upstreamStatus = failure.status;
    this.#owner.onFailed(this, this.#callersKey ? asCallers(failure, this.#credential) : failure, this.#stale);
  }

  /** One of its clocks ran out. */
  expire(what: string): void {
    this.#fail(
      this.sent
        ? failed('timeout', what === 'minimum rate' ? tooSlow : `the provider exceeded the ${what} timeout`)
        : failed('connect', 'the connection to the provider timed out', true),
    );
  }

  #askForRate(now: number): void {
    const { min_rate, min_rate_window } = this.#timeouts;
    if (min_rate > 0) this.#watchdog.rate(this, min_rate, min_rate_window, now);
  }

  #letEnd(): void {
    const call = this.#call!;
    call.resume();
    this.#linger = setTimeout(() => call.abort(), lingerMs).unref();
  }

  /** A timer that is left would keep the call and all it refers to for as long as it runs. */
  #stopLinger(): void {
    if (this.#linger !== null) clearTimeout(this.#linger);
    this.#linger = null;
  }

  #finish(): void {
    this.#over = true;
    this.endedAt = performance.now();
    this.#watchdog.rest();
  }
}
