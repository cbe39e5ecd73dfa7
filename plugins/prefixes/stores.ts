import type { Credential, ProviderInstance } from '../../providers/provider.ts';
import type { PrefixCounts, PrefixEntry } from './contract.ts';
import { PrefixTable } from './table.ts';

/** Prefixes of one provider at once, where the configuration says nothing. */
const defaultEntries = 100;

/** What is known of one provider instance. */
interface Totals {
  readonly counts: PrefixCounts;
  creating: number;
}

/** What is known of one key of a provider instance. */
export interface Store {
  readonly credential: Credential;
  readonly table: PrefixTable;
  readonly totals: Totals;
}

interface ProviderStores {
  readonly totals: Totals;
  readonly byKey: Map<Credential, Store>;
}

/** One store for each key that was used of each provider instance. */
export class Stores {
  readonly #providers = new Map<ProviderInstance, ProviderStores>();

  of(provider: ProviderInstance, credential: Credential): Store {
    const { byKey, totals } = this.#provider(provider);
    const known = byKey.get(credential);
    if (known !== undefined) return known;
    // The keys share what the provider may have.
    const most = Math.floor((provider.config.context_cache?.max_entries ?? defaultEntries) / provider.credentials.length);
    const store = { credential, table: new PrefixTable(Math.max(1, most)), totals };
    byKey.set(credential, store);
    return store;
  }

  all(provider: ProviderInstance): readonly Store[] {
    return [...(this.#providers.get(provider)?.byKey.values() ?? [])];
  }

  /** `now`: unix milliseconds. */
  entries(now: number): PrefixEntry[] {
    return [...this.#providers].flatMap(([{ name }, { byKey }]) =>
      [...byKey.values()].flatMap(({ credential, table }) => table.entries(name, credential.id, now)),
    );
  }

  counts(): PrefixCounts[] {
    return [...this.#providers.values()].map(({ totals }) => totals.counts);
  }

  #provider(provider: ProviderInstance): ProviderStores {
    const known = this.#providers.get(provider);
    if (known !== undefined) return known;
    const counts = { provider: provider.name, hits: 0, tokensSaved: 0, creates: { kept: 0, rejected: 0, failed: 0 }, lost: 0 };
    const stores = { totals: { counts, creating: 0 }, byKey: new Map<Credential, Store>() };
    this.#providers.set(provider, stores);
    return stores;
  }
}
