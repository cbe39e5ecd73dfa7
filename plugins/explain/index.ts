import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { DryRunBody } from '../../schemas/admin-explain.ts';
import type { Config } from '../../schemas/config.ts';
import type { DecisionBody } from '../../schemas/decision.ts';
import type { Exchange } from '../exchange/index.ts';
import { isoTime, lineWriter } from '../logger.ts';
import type { RatesOf } from '../router/restrictions.ts';
import type { AttemptRow } from '../usage/ledger-file.ts';
import { render } from './document.ts';
import { type DryRunCall, dryRun } from './dry-run.ts';
import { type DecisionPage, type PageRequest, pageOf } from './pages.ts';
import { DecisionRecorder } from './record.ts';
import { DecisionRing } from './ring.ts';

export interface ExplainOptions {
  readonly config: Config;
  /** Written to the ledger; else the newest are held in memory. */
  readonly keep: boolean;
  /** One log line per exchange. */
  readonly log: boolean;
  readonly configVersion: string;
  /** Prices of a target now; null when unknown. */
  readonly ratesOf: RatesOf;
}

/** What is known of one exchange. */
export interface ExchangeFindings {
  /** Null when none is kept. */
  readonly decision: DecisionBody | null;
  /** In the order in which they were sent. */
  readonly rows: readonly AttemptRow[];
  readonly open: boolean;
}

/** `fastify.explain`: why the targets of calls were chosen. */
export interface Explain {
  /** The decision of an exchange so far, as JSON; null before a target was looked for. */
  text(exchange: Exchange): string | null;
  /** Null when nothing is known of it. Rejects when the ledger cannot be read. */
  find(id: string): Promise<ExchangeFindings | null>;
  /** Kept decisions, those of calls that ended last first. Rejects when the ledger cannot be read. */
  page(request: PageRequest): Promise<DecisionPage>;
  /** What would become of a call now. */
  dryRun(call: DryRunCall): DryRunBody;
}

declare module 'fastify' {
  interface FastifyInstance {
    explain: Explain;
  }
}

/** A row is in the file this much after it was written at the latest, when all is well. Milliseconds. */
const inFileAfter = 80;
/** How often a row is looked for that has to be there. */
const looks = 4;
/** Decisions in memory that are looked through for one page: 10 us each, on the thread that answers calls. */
const scannedInMemory = 1_000;

/** A call is over, and its decision written, this long after its deadline. Milliseconds. */
const afterDeadline = 60_000;

/** The longest a call may take. Milliseconds. */
function longestCall({ timeouts, providers, models }: Config): number {
  const own = [...Object.values(providers), ...Object.values(models)].map((each) => each.timeouts?.total ?? 0);
  return Math.max(timeouts?.total ?? 0, ...own) + afterDeadline;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function openExchange(app: FastifyInstance, id: string): Exchange | null {
  for (const exchange of app.exchanges.open) if (exchange.id === id) return exchange;
  return null;
}

/** Keeps the decision of every exchange that had one, and finds it again. */
export default fp<ExplainOptions>(
  async (app, { config, keep, log, configVersion, ratesOf }) => {
    const recorder = new DecisionRecorder(ratesOf, configVersion);
    const ring = keep ? null : new DecisionRing();
    const { decisions, reader } = app.usage;
    const write = lineWriter(app.log);
    const longest = longestCall(config);

    function recordOf(exchange: Exchange): string | null {
      return exchange.decision === null ? null : recorder.record(exchange, exchange.decision);
    }

    app.exchanges.onSettled((exchange) => {
      const record = recordOf(exchange);
      if (record === null) return;
      if (ring === null) decisions.add(record);
      else ring.add(record);
      if (log) write(() => decisionLine(exchange.id, record));
    });

    /** What is in memory of it. */
    function remembered(id: string): { readonly record: string | null; readonly open: boolean } {
      const exchange = openExchange(app, id);
      if (exchange !== null) return { record: recordOf(exchange), open: true };
      return { record: ring === null ? decisions.find(id) : ring.find(id), open: false };
    }

    app.decorate('explain', {
      text(exchange) {
        const record = recordOf(exchange);
        return record === null ? null : JSON.stringify(render(record));
      },
      async find(id) {
        for (let look = 1; ; look++) {
          const { record, open } = remembered(id);
          const known = record === null ? null : render(record);
          const sent = known?.attempts.map(({ row }) => row) ?? [];
          const found = await reader.exchange({ exchange: id, rows: sent, longest });
          const decision = known ?? (found.decision === null ? null : render(found.decision));
          const missing = decision?.attempts.some(({ row }) => !found.rows.some((each) => each.id === row)) === true;
          const unsettled = !open && found.rows.some(({ state }) => state === 'open');
          if ((missing || unsettled) && look < looks) await pause(inFileAfter);
          else return decision === null && found.rows.length === 0 && !open ? null : { decision, rows: found.rows, open };
        }
      },
      page: async (request) =>
        ring === null
          ? reader.decisions(request)
          : pageOf(ring.newestFirst(request.before, scannedInMemory), request, scannedInMemory),
      dryRun: (call) => dryRun({ router: app.router, config, ratesOf, recorder }, call),
    } satisfies Explain as Explain);
  },
  { name: 'explain', fastify: '5.x', dependencies: ['exchange', 'usage', 'router'] },
);

function decisionLine(exchange: string, record: string): string {
  const document = JSON.stringify(render(record));
  return `{"level":"info","time":"${isoTime(Date.now())}","exchange":"${exchange}","decision":${document},"msg":"decision"}\n`;
}
