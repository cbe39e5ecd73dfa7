import type { RolledIntent, RolledSettlement } from '../rollup.ts';
import { intentColumns, settlementColumns } from '../tables.ts';
import type { OutboxRow } from './outbox.ts';

// A row in a stream: `[intent, settlement]`, each an array by its columns, which only ever grow at the end. So replicas of different
// versions understand each other; what one does not say is null, what one does not know is left.

/** What sums are made of. */
export interface StreamedRow {
  readonly intent: RolledIntent;
  readonly settlement: RolledSettlement;
}

export function encodeRow({ intent, settlement }: Pick<OutboxRow, 'intent' | 'settlement'>): string {
  return JSON.stringify([intent, settlement]);
}

const at = (columns: readonly string[], name: string): number => columns.indexOf(name);

const intentAt = {
  attempt: at(intentColumns, 'attempt'),
  started: at(intentColumns, 'started_at'),
  charged: at(intentColumns, 'charged_at'),
  key: at(intentColumns, 'key_id'),
  team: at(intentColumns, 'team'),
  model: at(intentColumns, 'model'),
  provider: at(intentColumns, 'provider'),
  target: at(intentColumns, 'target'),
  metadata: at(intentColumns, 'metadata'),
};

const settlementAt = {
  input: at(settlementColumns, 'input'),
  output: at(settlementColumns, 'output'),
  cached: at(settlementColumns, 'cached'),
  reasoning: at(settlementColumns, 'reasoning'),
  cost: at(settlementColumns, 'cost_nano'),
};

/** Characters of a name; longer ones no gateway wrote. */
const longest = 65_536;

const integer = (value: unknown): number | null => (typeof value === 'number' && Number.isSafeInteger(value) ? value : null);
const text = (value: unknown): string | null => (typeof value === 'string' && value.length <= longest ? value : null);

/** Null for what is no row: anyone who may write to Redis may have written it. */
export function decodeRow(json: string): StreamedRow | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (!Array.isArray(value)) return null;
  const [intent, settlement] = value as unknown[];
  if (!Array.isArray(intent) || !Array.isArray(settlement)) return null;
  const charged = integer(intent[intentAt.charged]) ?? integer(intent[intentAt.started]);
  const [model, provider, target] = [intentAt.model, intentAt.provider, intentAt.target].map((place) => text(intent[place]));
  const [input, output, cached, reasoning] = [
    settlementAt.input,
    settlementAt.output,
    settlementAt.cached,
    settlementAt.reasoning,
  ].map((place) => integer(settlement[place]));
  if (charged === null || model == null || provider == null || target == null) return null;
  if (input == null || output == null || cached == null || reasoning == null) return null;
  return {
    intent: {
      attempt: integer(intent[intentAt.attempt]) ?? 0,
      charged_at: charged,
      key_id: text(intent[intentAt.key]),
      team: text(intent[intentAt.team]),
      model,
      provider,
      target,
      metadata: text(intent[intentAt.metadata]),
    },
    settlement: { input, output, cached, reasoning, cost_nano: integer(settlement[settlementAt.cost]) },
  };
}
