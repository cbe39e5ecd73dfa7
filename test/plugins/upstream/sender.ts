import Fastify, { type FastifyInstance } from 'fastify';
import upstream, { type AnswerListener, type TransportFailure, type UpstreamCall } from '../../../plugins/upstream/index.ts';
import { createInstance } from '../../../providers/instance.ts';
import type { ProviderInstance, ProviderType, UpstreamHead, UpstreamRequest } from '../../../providers/provider.ts';
import type { ProviderConfig } from '../../../schemas/config.ts';
import { whenDone } from '../../helper/cleanup.ts';

const type: ProviderType = { type: 'acme', dialect: 'acme', defaults: {}, presets: {}, environment: [], translate: () => null };

/** A provider at `http://host:port`, as an operator writes it. */
export function providerAt(
  url: string,
  config: Partial<ProviderConfig> = {},
  changes: Partial<ProviderType> = {},
): ProviderInstance {
  return createInstance('acme', { type: 'acme', base_url: url, ...config }, { ...type, ...changes });
}

/** Like a provider at its vendor's own host: private addresses are refused. */
export function vendorAt(url: string): ProviderInstance {
  return { ...providerAt(url), vendorHost: true };
}

/** Hears one answer. */
export class Recorder implements AnswerListener {
  sent = false;
  head: UpstreamHead | null = null;
  readonly chunks: Buffer[] = [];
  /** Everything heard, in order. */
  readonly heard: string[] = [];
  /** `end`, or the failure. Pending for ever after an abort. */
  readonly over: Promise<'end' | TransportFailure>;
  #settle!: (how: 'end' | TransportFailure) => void;
  onChunk: (chunk: Buffer) => void = () => {};
  onAnswer: () => void = () => {};

  constructor() {
    this.over = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  onSent(): void {
    this.sent = true;
    this.heard.push('sent');
  }

  onHead(head: UpstreamHead): void {
    this.head = head;
    this.heard.push(`head ${head.status}`);
    this.onAnswer();
  }

  onData(chunk: Buffer): void {
    this.chunks.push(chunk);
    if (this.heard.at(-1) !== 'data') this.heard.push('data');
    this.onChunk(chunk);
  }

  onEnd(): void {
    this.heard.push('end');
    this.#settle('end');
  }

  onFailure(failure: TransportFailure): void {
    this.heard.push('failure');
    this.#settle(failure);
  }
}

export interface Sender {
  readonly app: FastifyInstance;
  /** Starts one request; what is heard is in the recorder. */
  start(provider: ProviderInstance, request?: Partial<UpstreamRequest>, via?: string): { call: UpstreamCall; answer: Recorder };
  /** The same, awaited. */
  send(
    provider: ProviderInstance,
    request?: Partial<UpstreamRequest>,
    via?: string,
  ): Promise<Recorder & { how: 'end' | TransportFailure }>;
}

/** The upstream plugin alone, closed with the test. */
export async function startSender(connectTimeout = 2_000): Promise<Sender> {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(upstream, { connectTimeout: () => connectTimeout });
  await app.ready();
  const start: Sender['start'] = (provider, request = {}, via = undefined) => {
    const answer = new Recorder();
    const whole: UpstreamRequest = { method: 'POST', path: '/v1/chat', headers: {}, body: Buffer.from('{}'), ...request };
    return { call: app.upstream.send(provider, whole, via, answer), answer };
  };
  return {
    app,
    start,
    async send(provider, request, via) {
      const { answer } = start(provider, request, via);
      return Object.assign(answer, { how: await answer.over });
    },
  };
}

/** What the failure of a request says; throws when it did not fail. */
export function failureOf(how: 'end' | TransportFailure): TransportFailure {
  if (how === 'end') throw new Error('The request did not fail.');
  return how;
}
