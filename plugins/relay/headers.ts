import type { Exchange } from '../exchange/index.ts';
import { formatUsd } from '../usage/usd.ts';
import type { HeaderList } from './client.ts';

/** A model id is the caller's text: what a header cannot carry is percent-encoded. */
function headerSafe(value: string): string {
  return /^[\x21-\x7e]*$/.test(value) ? value : encodeURIComponent(value.toWellFormed());
}

/** What a reply says about how it came about. `costNano`: integer nano-USD, null when unknown or not settled yet. */
export function replyHeaders(exchange: Exchange, warnings: string | null, costNano: number | null): HeaderList {
  const list: HeaderList = [];
  if (exchange.attempts > 0) {
    list.push('x-postern-provider', exchange.provider!, 'x-postern-model', headerSafe(exchange.target!));
    list.push('x-postern-attempts', String(exchange.attempts));
  }
  if (costNano !== null) list.push('x-postern-cost-usd', formatUsd(costNano));
  if (warnings !== null) list.push('x-postern-warnings', warnings);
  return list;
}
