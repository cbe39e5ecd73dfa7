import { createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { Agent, request } from 'undici';
import type { Config } from '../../schemas/config.ts';
import { EgressError, guardedLookup, mayConnect } from '../upstream/guard.ts';
import { formatUsd } from '../usage/usd.ts';
import type { Alert, AlertSink } from './alerts.ts';
import { periodOf } from './refusal.ts';

export type WebhookOutcome = 'delivered' | 'failed' | 'dropped';

export interface WebhooksOptions {
  readonly webhooks: Config['alerts']['webhooks'];
  /** Milliseconds a webhook has to answer within. */
  readonly timeout: number;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
  readonly onOutcome: (outcome: WebhookOutcome) => void;
  /** Milliseconds before each further try; as many tries. */
  readonly waits?: readonly number[];
}

/** Alerts that wait for one webhook to answer. */
const most = 100;
/** A receiver that was restarted is back by then. */
const usualWaits = [1_000, 5_000, 25_000];

/** What an alert is about, in the log and for webhooks. Amounts are decimal strings, exact. */
export function alertData({ rule, share, spent, start }: Alert) {
  const usd = rule.measure === 'nano_usd';
  const amount = (value: number): string => (usd ? formatUsd(value) : String(value));
  return {
    scope: rule.scope.kind,
    scope_id: rule.scope.id === '' ? null : rule.scope.id,
    name: rule.owner === '' ? null : rule.owner,
    share,
    unit: usd ? 'usd' : rule.measure,
    limit: amount(rule.limit),
    spent: amount(spent),
    period: periodOf(rule),
    period_start: start === 0 ? null : Math.floor(start / 1000),
  };
}

/** What is posted. */
export function alertBody(alert: Alert): string {
  const { id, at } = alert;
  return JSON.stringify({ id, type: 'budget.threshold', created_at: Math.floor(at / 1000), data: alertData(alert) });
}

/** `x-postern-signature`: HMAC-SHA-256 under the secret over the time, a dot and the body. `at`: unix seconds. */
export function signature(secret: string, at: number, body: string): string {
  return `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
}

/** Posts alerts, each webhook by itself, one after the other, a bounded number of times. Nothing waits for it. */
export class Webhooks implements AlertSink {
  readonly #hooks: readonly Webhook[];
  readonly #agent: Agent;

  constructor(options: WebhooksOptions) {
    this.#agent = new Agent({ connect: { lookup: guardedLookup(false), timeout: options.timeout }, pipelining: 0 });
    this.#hooks = options.webhooks.map((hook) => new Webhook(hook, this.#agent, options));
  }

  send(alert: Alert): void {
    if (this.#hooks.length === 0) return;
    const body = alertBody(alert);
    for (const hook of this.#hooks) hook.add(body);
  }

  /** What has not been delivered is given up. */
  async close(): Promise<void> {
    for (const hook of this.#hooks) hook.close();
    await this.#agent.destroy();
  }
}

class Webhook {
  readonly #hook: Config['alerts']['webhooks'][number];
  readonly #agent: Agent;
  readonly #options: WebhooksOptions;
  readonly #waits: readonly number[];
  readonly #waiting: string[] = [];
  #busy = false;
  #closed = false;
  #wake: (() => void) | null = null;

  constructor(hook: Config['alerts']['webhooks'][number], agent: Agent, options: WebhooksOptions) {
    this.#hook = hook;
    this.#agent = agent;
    this.#options = options;
    this.#waits = options.waits ?? usualWaits;
  }

  add(body: string): void {
    if (this.#waiting.length >= most) this.#options.onOutcome('dropped');
    else {
      this.#waiting.push(body);
      if (!this.#busy) void this.#work();
    }
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#wake?.();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let body = this.#waiting.shift(); body !== undefined && !this.#closed; body = this.#waiting.shift()) {
      const problem = await this.#deliver(body);
      if (this.#closed) break;
      this.#options.onOutcome(problem === null ? 'delivered' : 'failed');
      if (problem !== null) this.#options.log.warn({ problem }, 'an alert could not be posted to a webhook and is given up');
    }
    this.#busy = false;
  }

  /** Null when it arrived, else why not. */
  async #deliver(body: string): Promise<string | null> {
    for (let attempt = 0; ; attempt++) {
      const problem = await this.#post(body);
      const wait = this.#waits[attempt];
      if (problem === null || wait === undefined || this.#closed) return problem;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait).unref();
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (this.#closed) return problem;
    }
  }

  async #post(body: string): Promise<string | null> {
    const { url, secret } = this.#hook;
    const headers: Record<string, string> = { 'content-type': 'application/json', 'user-agent': 'postern' };
    if (secret !== undefined) headers['x-postern-signature'] = signature(secret, Math.floor(Date.now() / 1000), body);
    try {
      const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
      // A literal address is never looked up.
      if (isIP(host) !== 0 && !mayConnect(host, false)) throw new EgressError();
      const signal = AbortSignal.timeout(this.#options.timeout);
      const answer = await request(url, { method: 'POST', headers, body, signal, dispatcher: this.#agent });
      await answer.body.dump({ limit: 16_384, signal });
      return answer.statusCode >= 200 && answer.statusCode < 300 ? null : `it answered ${answer.statusCode}`;
    } catch (error) {
      // The message may hold the address, which may hold a token.
      return `it could not be reached: ${(error as { code?: unknown; name?: unknown }).code ?? (error as Error).name}`;
    }
  }
}
