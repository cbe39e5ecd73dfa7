import type { GatewayError } from '../errors/classes.ts';
import type { CancelReason } from '../exchange/index.ts';
import { withIgnored } from './call.ts';
import type { HeaderList } from './client.ts';
import type { RunInput } from './context.ts';
import { toErrorEvent } from './error-reply.ts';
import { replyHeaders } from './headers.ts';
import type { OpenSend } from './settlement.ts';

/** What the caller of one exchange is told, with the headers that say how it came about. */
export class Reply {
  /** Fields of the call that have no effect at the target that answers, or was asked last. */
  ignored: readonly string[] = [];
  readonly #input: RunInput;

  constructor(input: RunInput) {
    this.#input = input;
  }

  /** This one answers. */
  from({ attempt, ignored }: OpenSend): void {
    const { exchange } = this.#input;
    const { target, reader } = attempt;
    exchange.provider = target.provider.name;
    exchange.target = target.model;
    exchange.servedModel = reader.servedModel;
    this.ignored = ignored;
  }

  /** The head of a stream. */
  open(): void {
    this.#input.client.openStream(this.#headers());
  }

  /** The whole JSON answer, or the closing bytes of a stream. */
  deliver(bytes: Buffer): void {
    const { exchange, client, call } = this.#input;
    if (exchange.cancelled !== null) client.release();
    else if (call.stream) client.end(bytes);
    else client.json(200, bytes, this.#headers(exchange.costNano));
  }

  error(error: GatewayError): void {
    const { client } = this.#input;
    if (client.opened) this.interrupt(error);
    else client.error(error, this.#headers());
  }

  /** An error after the 200. */
  interrupt(error: GatewayError): void {
    this.#input.client.end(toErrorEvent(error, this.#input.call.operation === 'responses'));
  }

  /** `error`: null when nobody is left to be told. */
  cancelled(reason: CancelReason, error: GatewayError | null): void {
    if (error !== null) this.error(error);
    else if (reason === 'write_stall') this.#input.client.destroy();
    else this.#input.client.release();
  }

  #headers(costNano: number | null = null): HeaderList {
    return replyHeaders(this.#input.exchange, withIgnored(this.#input.warnings, this.ignored), costNano);
  }
}
