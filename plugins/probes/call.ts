import { clientDialect } from '../../providers/index.ts';
import type { Call, Operation, Target } from '../../providers/provider.ts';
import { scanMembers } from '../../providers/wire/members.ts';

/** Bodies that ask for as little as each operation can be asked for; 16 tokens is the least that Responses takes. */
const smallest: Readonly<Record<Operation, (model: string) => object>> = {
  chat: (model) => ({ model, messages: [{ role: 'user', content: 'Hi' }], max_completion_tokens: 1 }),
  embeddings: (model) => ({ model, input: 'Hi' }),
  responses: (model) => ({ model, input: 'Hi', max_output_tokens: 16, store: false }),
};

const none: ReadonlySet<string> = new Set();

/** The cheapest call that shows whether a target works; null when it can be asked for nothing. */
export function smallestCall({ provider, info, model }: Target): Call | null {
  const operation = (Object.keys(smallest) as Operation[]).find(
    (each) => provider.operations.has(each) && info?.operations?.includes(each) !== false,
  );
  if (operation === undefined) return null;
  const json = smallest[operation](model) as Record<string, unknown>;
  const bytes = Buffer.from(JSON.stringify(json));
  return {
    operation,
    dialect: clientDialect,
    body: { bytes, json, members: scanMembers(bytes) },
    stream: false,
    streamUsage: false,
    dropped: none,
    requireParameters: false,
    kept: new Map(),
  };
}
