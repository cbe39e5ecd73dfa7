import type { Credential, ProviderInstance, UpstreamRequest } from '../../providers/provider.ts';
import { type Answer, type Asking, ask } from '../upstream/ask.ts';
import type { Upstream } from '../upstream/index.ts';

/** Requests of probes that are under way, so that a close can end them. */
export class Asker {
  readonly #upstream: Upstream;
  readonly #asking = new Set<Asking>();
  #closed = false;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /** Everything under way was given up: what it ended with says nothing. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Any status. Rejects with `UpstreamRefusal`. `timeout`: milliseconds. */
  async ask(provider: ProviderInstance, request: UpstreamRequest, timeout: number, key: Credential): Promise<Answer> {
    const asking = ask(this.#upstream, provider, request, timeout, key);
    this.#asking.add(asking);
    try {
      return await asking.answer;
    } finally {
      this.#asking.delete(asking);
    }
  }

  abort(): void {
    this.#closed = true;
    for (const asking of this.#asking) asking.abort();
  }
}
