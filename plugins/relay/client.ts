import type { ServerResponse } from 'node:http';
import type { Exchange } from '../exchange/index.ts';
import { type GatewayError, toErrorReply } from './error-reply.ts';
import type { Explanation } from './explanation.ts';

/** Header names and values in turn, as `writeHead` takes them. */
export type HeaderList = (string | number)[];

const comment = Buffer.from(': keep-alive\n\n');

/**
 * The caller's end of one exchange: writes the head once, then bytes, and tells when the caller reads too slowly. Written
 * with `writeHead` and `write` on the raw response: the framework's reply costs about as much again as all the rest.
 */
export class ClientWriter {
  readonly #raw: ServerResponse;
  readonly #exchange: Exchange;
  readonly #extra: HeaderList;
  readonly #random: () => number;
  readonly #explanation: Explanation | null;
  #keepAlive: NodeJS.Timeout | null = null;
  #stall: NodeJS.Timeout | null = null;

  /** `extra`: headers that other plugins (CORS) have set. `random`: numbers in [0, 1). `explanation`: goes with the last bytes. */
  constructor(
    raw: ServerResponse,
    exchange: Exchange,
    extra: HeaderList,
    random: () => number,
    explanation: Explanation | null = null,
  ) {
    this.#raw = raw;
    this.#exchange = exchange;
    this.#extra = extra;
    this.#random = random;
    this.#explanation = explanation;
  }

  get opened(): boolean {
    return this.#raw.headersSent;
  }

  /** Opens a stream. Later calls do nothing: a keep-alive comment may have opened it before the winner was known. */
  openStream(headers: HeaderList): void {
    this.#stopKeepAlive();
    if (this.#raw.headersSent) return;
    this.#raw.writeHead(200, this.#head('text/event-stream; charset=utf-8', headers));
  }

  /** After `ms` without content the 200 is sent with a comment, so that proxies in between do not give up. */
  keepAlive(ms: number): void {
    if (ms === 0) return;
    this.#keepAlive = setInterval(() => {
      if (!this.#raw.headersSent) this.#raw.writeHead(200, this.#head('text/event-stream; charset=utf-8', []));
      this.#raw.write(comment);
    }, ms);
  }

  /** False when the caller does not keep up; `onDrain` is called once when it has caught up. */
  write(bytes: Buffer, onDrain: () => void): boolean {
    this.#explanation?.sees(bytes);
    if (this.#raw.write(bytes)) return true;
    if (this.#stall === null) {
      this.#stall = setTimeout(() => this.#exchange.cancel('write_stall'), this.#exchange.config.server.write_timeout);
      this.#raw.once('drain', () => {
        this.#stopStall();
        onDrain();
      });
    }
    return false;
  }

  end(bytes: Buffer | null): void {
    this.#stopKeepAlive();
    this.#stopStall();
    const last = this.#explanation === null ? bytes : this.#explanation.atEnd(bytes ?? Buffer.alloc(0));
    if (last === null || last.length === 0) this.#raw.end();
    else this.#raw.end(last);
    this.#watchEnd();
  }

  json(status: number, bytes: Buffer, headers: HeaderList): void {
    this.#stopKeepAlive();
    const body = this.#explanation?.inObject(bytes) ?? bytes;
    const head = this.#head('application/json; charset=utf-8', headers);
    head.push('content-length', body.length);
    this.#raw.writeHead(status, head);
    this.#raw.end(body);
    this.#watchEnd();
  }

  error(error: GatewayError, headers: HeaderList): void {
    this.#stopKeepAlive();
    const reply = toErrorReply(error, this.#random);
    const body = this.#explanation?.inObject(reply.body) ?? reply.body;
    const list: HeaderList = [
      ...this.#extra,
      'x-request-id',
      this.#exchange.requestId,
      'x-postern-exchange-id',
      this.#exchange.id,
    ];
    list.push(...reply.headers, ...headers, 'content-length', body.length);
    this.#raw.writeHead(error.status, list);
    this.#raw.end(body);
    this.#watchEnd();
  }

  /** The connection is of no more use. */
  destroy(): void {
    this.#stopKeepAlive();
    this.#stopStall();
    this.#raw.destroy();
  }

  /** The exchange is over, whatever is still armed is not. */
  release(): void {
    this.#stopKeepAlive();
    this.#stopStall();
  }

  /** The last bytes may meet a caller who stopped reading as well. */
  #watchEnd(): void {
    if (this.#raw.writableLength === 0 || this.#raw.writableFinished) return;
    const timer = setTimeout(() => {
      this.#exchange.cancel('write_stall');
      this.#raw.destroy();
    }, this.#exchange.config.server.write_timeout);
    timer.unref();
    this.#raw.once('close', () => clearTimeout(timer));
  }

  #head(type: string, headers: HeaderList): HeaderList {
    const list: HeaderList = [
      'content-type',
      type,
      'cache-control',
      'no-store',
      'x-request-id',
      this.#exchange.requestId,
      'x-postern-exchange-id',
      this.#exchange.id,
    ];
    if (this.#extra.length > 0) list.push(...this.#extra);
    if (headers.length > 0) list.push(...headers);
    return list;
  }

  #stopKeepAlive(): void {
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
    this.#keepAlive = null;
  }

  #stopStall(): void {
    if (this.#stall !== null) clearTimeout(this.#stall);
    this.#stall = null;
  }
}
