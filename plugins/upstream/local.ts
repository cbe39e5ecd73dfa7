import type { LocalReply } from '../../providers/provider.ts';
import type { AnswerListener, UpstreamCall } from './call.ts';
import { failed } from './failures.ts';

/** Plays the answer of a provider that has no server, with its pauses, as if it came over a socket. */
export class LocalCall implements UpstreamCall {
  readonly sent = true;
  #done = false;
  #paused = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #steps: Iterator<LocalReply['steps'] extends Iterable<infer Step> ? Step : never>;
  readonly #listener: AnswerListener;

  constructor(reply: LocalReply, listener: AnswerListener) {
    this.#steps = reply.steps[Symbol.iterator]();
    this.#listener = listener;
    setImmediate(() => {
      if (this.#done) return;
      listener.onSent();
      listener.onHead({ status: reply.status, headers: reply.headers });
      this.#advance();
    });
  }

  abort(): void {
    this.#done = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#timer === null) setImmediate(() => this.#advance());
  }

  #advance(): void {
    while (!this.#done && !this.#paused && this.#timer === null) {
      const next = this.#steps.next();
      if (next.done === true) {
        this.#done = true;
        this.#listener.onEnd();
        return;
      }
      const step = next.value;
      if (step.after > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = null;
          this.#play(step.bytes, step.cut);
          this.#advance();
        }, step.after);
        return;
      }
      this.#play(step.bytes, step.cut);
    }
  }

  #play(bytes: Buffer | undefined, cut: boolean | undefined): void {
    if (this.#done) return;
    if (bytes !== undefined) this.#listener.onData(bytes);
    if (cut === true && !this.#done) {
      this.#done = true;
      this.#listener.onFailure(failed('network', 'the provider reset the connection'));
    }
  }
}
