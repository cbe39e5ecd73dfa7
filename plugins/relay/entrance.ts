import { GatewayError } from '../errors/classes.ts';
import { toGatewayError } from '../errors/envelope.ts';
import type { Grant, LimitedCall, Limits } from '../limits/contract.ts';
import { LimitError } from '../limits/refusal.ts';
import type { Decision } from '../router/index.ts';
import type { ClientWriter, HeaderList } from './client.ts';

/** The way in: what an exchange needs to be let in, and to be told when it is not. */
export interface Entrance {
  readonly limits: Pick<Limits, 'enter'>;
  readonly client: ClientWriter;
  /** Headers of every reply to the call; those of its limits are added. */
  readonly headers: HeaderList;
  readonly decision: Decision;
  /** From now on nothing else may write the reply. */
  readonly takeOver: () => void;
  readonly start: (grant: Grant | null) => void;
  readonly failed: (error: unknown) => void;
}

/** Asks the limits and starts the call, or tells its caller why not. Throws what is no refusal. */
export function enter(entrance: Entrance, call: LimitedCall): void {
  let entered: ReturnType<Limits['enter']>;
  try {
    entered = entrance.limits.enter(call);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    entrance.takeOver();
    refuse(entrance, call, error);
    return;
  }
  entrance.takeOver();
  if (entered instanceof Promise) {
    entered.then((grant) => admit(entrance, call, grant)).catch((error: unknown) => giveUp(entrance, call, error));
    return;
  }
  try {
    admit(entrance, call, entered);
  } catch (error) {
    giveUp(entrance, call, error);
  }
}

/** The reply is ours: nobody else answers the caller, and what the call holds is given back only when its response has closed. */
function giveUp(entrance: Entrance, call: LimitedCall, error: unknown): void {
  if (!(error instanceof GatewayError)) entrance.failed(error);
  if (entrance.client.opened) entrance.client.destroy();
  else refuse(entrance, call, toGatewayError(error));
}

function admit({ headers, start }: Entrance, { exchange }: LimitedCall, grant: Grant | null): void {
  // The caller left while the store was asked: its grant has been given back.
  if (exchange.settled) return;
  if (grant !== null && grant.headers.length > 0) headers.push(...grant.headers);
  start(grant);
}

function refuse({ client, decision }: Entrance, { exchange }: LimitedCall, error: GatewayError): void {
  let headers: HeaderList = [];
  if (error instanceof LimitError) {
    decision.limit = error.note;
    headers = [...error.headers];
  }
  // At the end of the process there still is a caller to be told.
  if (exchange.cancelled === 'client_closed' || exchange.settled) {
    client.release();
    return;
  }
  exchange.failed(error.code ?? 'refused');
  client.error(error, headers);
}
