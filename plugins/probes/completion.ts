import type { FastifyBaseLogger } from 'fastify';
import type { Credential, ProviderInstance, Translation, UpstreamFailure } from '../../providers/provider.ts';
import type { Quantities } from '../../providers/unified.ts';
import type { Config } from '../../schemas/config.ts';
import { newId } from '../relay/ids.ts';
import type { Admission, Candidate, RouterCore } from '../router/index.ts';
import { type Asker, failureOf } from '../upstream/ask.ts';
import { estimateInput } from '../usage/estimate.ts';
import type { SettledCost, Usage } from '../usage/index.ts';
import { ownIntent } from '../usage/own-intent.ts';
import { smallestCall } from './call.ts';
import type { ProbeCounts } from './index.ts';
import type { Probe } from './schedule.ts';

/** Targets of one provider that are asked at once. */
const together = 4;

export interface CompletionProbeOptions {
  readonly provider: ProviderInstance;
  readonly router: Pick<RouterCore, 'targetHealth' | 'resolve'>;
  readonly asker: Asker;
  /** Milliseconds. */
  readonly timeout: number;
  readonly counts: ProbeCounts;
  readonly usage: Pick<Usage, 'open'>;
  readonly models: Config['models'];
  readonly configVersion: string;
  readonly onSpent: (provider: string, cost: SettledCost) => void;
  readonly log: Pick<FastifyBaseLogger, 'debug'>;
}

/** How one probe ended. */
interface Result {
  readonly failure: UpstreamFailure | null;
  /** HTTP status of the answer, 0 when there was none. */
  readonly status: number;
  readonly usage: Quantities | null;
}

/**
 * Asks targets whose breaker may let one request through, in the place of that request: one token. Who is in the configuration is
 * asked; names that callers made up are not.
 */
export class CompletionProbe implements Probe {
  readonly #options: CompletionProbeOptions;
  #candidates: readonly Candidate[] | null = null;

  constructor(options: CompletionProbeOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { asker } = this.#options;
    this.#candidates ??= this.#ownCandidates();
    const due = this.#candidates.filter((candidate) => this.#isDue(candidate));
    for (let from = 0; from < due.length && !asker.closed; from += together) {
      await Promise.all(due.slice(from, from + together).map((candidate) => this.#probe(candidate)));
    }
  }

  #isDue({ state }: Candidate): boolean {
    const { targetHealth } = this.#options.router;
    return state.breaker !== 'closed' && !state.full && targetHealth.exclusion(state, targetHealth.now()) === null;
  }

  /** The provider's targets that the configuration names, each once. */
  #ownCandidates(): readonly Candidate[] {
    const { provider, router, models } = this.#options;
    const names = Object.keys(models).filter((name) => !name.endsWith('*'));
    for (const model of provider.config.models ?? []) names.push(`${provider.name}/${model}`);
    const found = new Map<unknown, Candidate>();
    for (const candidate of names.flatMap((name) => router.resolve(name).groups.flatMap(({ candidates }) => candidates))) {
      if (candidate.target.provider === provider) found.set(candidate.state, candidate);
    }
    return [...found.values()];
  }

  async #probe(candidate: Candidate): Promise<void> {
    const { router, counts, asker } = this.#options;
    const { targetHealth } = router;
    // Those asked before it took a while.
    if (!this.#isDue(candidate)) return;
    const call = smallestCall(candidate.target);
    const translation = call === null ? null : this.#translated(candidate, call);
    if (call === null || translation === null) return;
    const admission = targetHealth.admit(candidate);
    const result = await this.#accounted(candidate, admission, translation, estimateInput(call.body, call.operation));
    if (result === null || asker.closed) {
      targetHealth.withdrawn(admission);
      return;
    }
    const { failure, usage } = result;
    counts[failure === null ? 'ok' : 'failed']++;
    if (failure !== null) targetHealth.failed(admission, failure);
    else targetHealth.succeeded(admission, usage === null ? null : { usage: { input: usage.input ?? 0 }, firstContentMs: null });
  }

  #translated({ target }: Candidate, call: Parameters<typeof target.provider.type.translate>[0]): Translation | null {
    try {
      return target.provider.type.translate(call, target, { id: newId, now: Date.now });
    } catch (error) {
      this.#options.log.debug({ target: target.id, reason: failureOf(error).reason }, 'the target cannot be probed');
      return null;
    }
  }

  /** Between the two halves of a row; null when the ledger takes none, and nothing is sent. */
  async #accounted(
    { target, state }: Candidate,
    admission: Admission,
    translation: Translation,
    estimatedInput: number,
  ): Promise<Result | null> {
    const { usage, configVersion, onSpent } = this.#options;
    const startedAt = Date.now();
    const record = usage.open(
      ownIntent(
        { operation: 'probe', id: newId('prb_'), keyId: null, team: null, estimatedInput, startedAt, configVersion },
        target,
      ),
      target,
    );
    const committed = await record.committed.then(
      () => true,
      () => false,
    );
    const credential = state.credentials.credential(admission.key);
    const result = committed ? await this.#ask(target.provider, credential, translation) : null;
    const endedAt = Date.now();
    const cost = await record.settle({
      outcome: result?.failure === null ? 'ok' : 'failed',
      reason: result === null ? 'ledger_unavailable' : (result.failure?.reason ?? null),
      status: result?.status ?? 0,
      upstreamStatus: result?.status ?? 0,
      servedModel: null,
      usage: result?.usage == null ? null : { output: 0, ...result.usage },
      estimatedOutput: 0,
      unsent: result === null || result.failure?.unsent === true,
      endedAt,
      firstContentMs: null,
      totalMs: endedAt - startedAt,
    });
    onSpent(target.provider.name, cost);
    return result;
  }

  async #ask(provider: ProviderInstance, credential: Credential, translation: Translation): Promise<Result> {
    const { asker, timeout } = this.#options;
    try {
      const { head, bytes } = await asker.ask(provider, translation.request, timeout, credential);
      const { status } = head;
      if (status < 200 || status >= 300) return { failure: translation.failure(head, bytes), status, usage: null };
      try {
        return { failure: null, status, usage: translation.json(bytes).usage };
      } catch (error) {
        return { failure: failureOf(error), status, usage: null };
      }
    } catch (error) {
      return { failure: failureOf(error), status: 0, usage: null };
    }
  }
}
