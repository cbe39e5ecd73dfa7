import type { GatewayError } from '../errors/classes.ts';
import { LimitError } from './refusal.ts';

/** How many calls and attempts were refused, by what refused them. The names are a closed list. */
export class RefusalCounts {
  readonly #counts = new Map<string, { readonly rule: string; readonly scope: string; count: number }>();

  add(error: GatewayError): void {
    const { rule, scope } = error instanceof LimitError ? error.note : { rule: error.code ?? 'unknown', scope: 'none' };
    const name = `${rule} ${scope}`;
    const known = this.#counts.get(name);
    if (known === undefined) this.#counts.set(name, { rule, scope, count: 1 });
    else known.count++;
  }

  get all(): readonly { readonly rule: string; readonly scope: string; readonly count: number }[] {
    return [...this.#counts.values()];
  }
}
