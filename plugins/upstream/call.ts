import type { Transform } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { UpstreamHead } from '../../providers/provider.ts';
import { decoderFor } from './decode.ts';
import { failed, type TransportFailure, transportFailure } from './failures.ts';

/** Who reads one upstream answer. Exactly one of `onEnd` and `onFailure` comes last; nothing comes after an abort. */
export interface AnswerListener {
  /** The request is on a socket: from here on it counts as sent. */
  onSent(): void;
  onHead(head: UpstreamHead): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(failure: TransportFailure): void;
}

/** One upstream request under way. */
export interface UpstreamCall {
  readonly sent: boolean;
  /** Closes the socket (or leaves the queue); the listener hears nothing more. */
  abort(): void;
  pause(): void;
  resume(): void;
}

const aborted = new Error('aborted');

/** Reads one answer from undici, decoded. */
export class SocketCall implements UpstreamCall, Dispatcher.DispatchHandler {
  sent = false;
  #answering = false;
  #done = false;
  #controller: Dispatcher.DispatchController | null = null;
  #decoder: Transform | null = null;
  readonly #listener: AnswerListener;

  constructor(listener: AnswerListener) {
    this.#listener = listener;
  }

  abort(): void {
    if (this.#done) return;
    this.#done = true;
    this.#decoder?.destroy();
    this.#controller?.abort(aborted);
  }

  pause(): void {
    if (!this.#done) (this.#decoder ?? this.#controller)?.pause();
  }

  resume(): void {
    if (!this.#done) (this.#decoder ?? this.#controller)?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#done) {
      controller.abort(aborted);
      return;
    }
    this.sent = true;
    this.#listener.onSent();
  }

  /** The first bytes of an answer, before its headers are whole. */
  onResponseStarted(): void {
    this.#answering = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: UpstreamHead['headers']): void {
    // 100 and 103 announce the answer; they are not it.
    if (this.#done || status < 200) return;
    const decoder = decoderFor(headers['content-encoding']);
    if (decoder === undefined) {
      this.#fail(failed('protocol', 'the provider compressed its answer in a way this gateway does not take'));
      controller.abort(aborted);
      return;
    }
    if (decoder !== null) this.#decode(decoder, controller);
    this.#listener.onHead({ status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#done) return;
    if (this.#decoder === null) this.#listener.onData(chunk);
    else if (!this.#decoder.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#done) return;
    if (this.#decoder === null) this.#end();
    else this.#decoder.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(transportFailure(error, this.sent, this.#answering));
  }

  #decode(decoder: Transform, controller: Dispatcher.DispatchController): void {
    this.#decoder = decoder;
    decoder.on('data', (chunk: Buffer) => {
      if (!this.#done) this.#listener.onData(chunk);
    });
    decoder.on('drain', () => controller.resume());
    decoder.on('end', () => this.#end());
    decoder.on('error', () => {
      this.#fail(failed('protocol', 'the provider sent a compressed answer that cannot be read'));
      controller.abort(aborted);
    });
  }

  #end(): void {
    if (this.#done) return;
    this.#done = true;
    this.#listener.onEnd();
  }

  #fail(failure: TransportFailure): void {
    if (this.#done) return;
    this.#done = true;
    this.#decoder?.destroy();
    this.#listener.onFailure(failure);
  }
}
