import type { Credential, KeptPrefix, PrefixKeeping, PromptPrefix, ProviderInstance, Target } from '../../providers/provider.ts';
import { type Answer, Asker, UpstreamRefusal } from '../upstream/ask.ts';
import { failed, type Upstream } from '../upstream/index.ts';

/** Milliseconds for a creation: the upstream reads all of it. */
const createTimeout = 60_000;
/** Milliseconds for requests that move no prefix. */
const shortTimeout = 10_000;
/** Characters of a name; longer ones are nobody's. */
const longestName = 512;
/** Pages of a list that are followed, entries that are read. */
const maxPages = 50;
const maxListed = 5_000;

/** What upstreams keep for one key each, asked for by the gateway itself. Everything rejects with `UpstreamRefusal` or `TranslationError`. */
export class UpstreamStore {
  readonly #asker: Asker;

  constructor(upstream: Upstream) {
    this.#asker = new Asker(upstream);
  }

  async create({ provider }: Target, key: Credential, prefix: PromptPrefix): Promise<KeptPrefix> {
    const answer = await this.#asker.ask(provider, prefix.create(), createTimeout, key);
    const kept = prefix.created(accepted(answer, provider));
    if (typeof kept.name === 'string' && kept.name !== '' && kept.name.length <= longestName) return kept;
    throw new UpstreamRefusal(failed('protocol', 'the provider did not say under what name it keeps the prefix'));
  }

  /** Only where the provider's type has `extend`. */
  async extend(provider: ProviderInstance, key: Credential, name: string, ttlMs: number): Promise<void> {
    const request = keepingOf(provider).extend!(provider, name, ttlMs);
    accepted(await this.#asker.ask(provider, request, shortTimeout, key), provider);
  }

  /** False when the upstream does not have it. */
  async remove(provider: ProviderInstance, key: Credential, name: string): Promise<boolean> {
    const keeping = keepingOf(provider);
    const answer = await this.#asker.ask(provider, keeping.remove(provider, name), shortTimeout, key);
    const { status } = answer.head;
    if (status === 404 || (status === 403 && keeping.failure(answer.head, answer.bytes).reason === 'prefix_lost')) return false;
    accepted(answer, provider);
    return true;
  }

  /** All pages, within bounds: an upstream may name page after page for ever. */
  async list(provider: ProviderInstance, key: Credential): Promise<readonly KeptPrefix[]> {
    const keeping = keepingOf(provider);
    const kept: KeptPrefix[] = [];
    let page: string | null = null;
    for (let pages = 0; pages < maxPages && kept.length < maxListed; pages++) {
      const answer: Answer = await this.#asker.ask(provider, keeping.list(provider, page), shortTimeout, key);
      const { prefixes, next } = keeping.listed(accepted(answer, provider));
      for (const each of prefixes.slice(0, maxListed - kept.length)) kept.push(each);
      if (next === null || next === page) break;
      page = next;
    }
    return kept;
  }

  /** Everything under way is given up. */
  abort(): void {
    this.#asker.abort();
  }
}

function keepingOf(provider: ProviderInstance): PrefixKeeping {
  return provider.type.prefixes!;
}

function accepted({ head, bytes }: Answer, provider: ProviderInstance): Buffer {
  if (head.status >= 200 && head.status < 300) return bytes;
  throw new UpstreamRefusal(keepingOf(provider).failure(head, bytes));
}
