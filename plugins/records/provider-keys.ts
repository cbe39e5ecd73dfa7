import { randomBytes } from 'node:crypto';
import fp from 'fastify-plugin';
import { placeholder } from '../../config/rules/secrets.ts';
import { credentialWith, noCredential, takesKeys, useCredentials } from '../../providers/instance.ts';
import type { Credential, ProviderInstance } from '../../providers/provider.ts';
import { GatewayError, NotFoundError, ValidationError } from '../errors/index.ts';
import { keeping } from '../identity/keeping.ts';
import type { Document } from './contract.ts';

/** A key as it was asked for. */
export interface NewProviderKey {
  readonly key: string;
  /** What it is called in health, logs and decisions; absent: its id. */
  readonly name?: string | undefined;
  /** Share of the calls; 0: only when no other key works. */
  readonly weight?: number | undefined;
}

/** A key without its secret. */
export interface ProviderKeyInfo {
  /** `pkey_…`. */
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly weight: number;
  /** Unix seconds. */
  readonly createdAt: number;
}

/** `fastify.providerKeys`: keys of providers that were added through the admin API. */
export interface StoredProviderKeys {
  /** Rejects with `GatewayError`: 404 for an unknown provider, 400 and 409 for a key it cannot have, 503 when it cannot be kept. */
  create(provider: string, wanted: NewProviderKey): Promise<ProviderKeyInfo>;
  /** Throws 404 for an unknown provider. */
  list(provider: string): readonly ProviderKeyInfo[];
  /** Calls under way with it finish. Rejects with `GatewayError`: 404, 409, 503. */
  remove(provider: string, id: string): Promise<void>;
}

declare module 'fastify' {
  interface FastifyInstance {
    providerKeys: StoredProviderKeys;
  }
}

/** What is kept of one. */
interface Kept {
  readonly provider: string;
  readonly name: string;
  readonly key: string;
  readonly weight: number;
  readonly created_at: number;
}

/** Each is looked at for every call. */
const mostKeys = 100;

const info = ({ id, value: { provider, name, weight, created_at } }: Document<Kept>): ProviderKeyInfo => ({
  id,
  provider,
  name,
  weight,
  createdAt: created_at,
});

/** Brings keys that are kept as documents into the pools of their providers, at the start and whenever they change. */
export default fp(
  async (app) => {
    const { records, router } = app;
    /** What the configuration gives each provider. */
    const configured = new Map(
      [...router.providers.values()].map((each) => [each, each.credentials.filter((one) => one !== noCredential)]),
    );
    /** By id. The same object for as long as the key is there: pools tell keys apart by it. */
    const credentials = new Map<string, { readonly provider: string; readonly credential: Credential }>();

    function apply(ids: Iterable<string>): void {
      const changed = new Set<string>();
      for (const id of ids) {
        const known = credentials.get(id);
        if (known !== undefined) changed.add(known.provider);
        const kept = records.all<Kept>('provider_key').get(id)?.value;
        if (kept === undefined) credentials.delete(id);
        else if (known === undefined) {
          changed.add(kept.provider);
          const instance = router.providers.get(kept.provider);
          // Its provider may have left the configuration; the key is kept for when it comes back.
          if (instance === undefined) continue;
          const credential = credentialWith(instance.config, kept.key, kept.name, kept.weight);
          credentials.set(id, { provider: kept.provider, credential });
        }
      }
      for (const name of changed) refill(name);
    }

    function refill(name: string): void {
      const instance = router.providers.get(name);
      if (instance === undefined) return;
      const added = [...credentials.values()].filter(({ provider }) => provider === name).map(({ credential }) => credential);
      if (added.length > 0 && !takesKeys(instance)) {
        app.log.warn(
          { provider: name, keys: added.length },
          'keys of a provider are not used: its configuration sends its own header',
        );
        return;
      }
      const all = [...configured.get(instance)!, ...added];
      const pool = router.targetHealth.pool(instance);
      useCredentials(instance, all);
      // Without any, a provider that works without goes on so.
      pool.use(all.length === 0 && instance.config.api_keys?.length !== 0 ? instance.credentials : all);
    }

    function instanceOf(name: string): ProviderInstance {
      const instance = router.providers.get(name);
      if (instance !== undefined) return instance;
      throw new NotFoundError(`There is no provider \`${name}\` in the configuration, or it is disabled.`, 'provider_not_found');
    }

    function keysOf(name: string): ProviderKeyInfo[] {
      return [...records.all<Kept>('provider_key').values()].filter(({ value }) => value.provider === name).map(info);
    }

    app.decorate('providerKeys', {
      async create(provider, { key, name, weight = 1 }) {
        const instance = instanceOf(provider);
        const id = `pkey_${randomBytes(12).toString('hex')}`;
        const value = { provider, name: name ?? id, key, weight, created_at: Math.floor(Date.now() / 1000) };
        check(instance, value, keysOf(provider).length);
        return info(await keeping(records.create<Kept>('provider_key', id, value)));
      },
      list(provider) {
        instanceOf(provider);
        return keysOf(provider);
      },
      async remove(provider, id) {
        instanceOf(provider);
        const kept = records.all<Kept>('provider_key').get(id);
        if (kept === undefined || kept.value.provider !== provider) {
          throw new NotFoundError(
            'There is no key of this id that was added here; those of the configuration are changed there.',
            'provider_key_not_found',
          );
        }
        await keeping(records.remove('provider_key', id, kept.version));
      },
    } satisfies StoredProviderKeys);

    apply(records.all('provider_key').keys());
    records.onChange('provider_key', apply);
  },
  { name: 'provider-keys', fastify: '5.x', dependencies: ['records', 'router'] },
);

/** Throws `GatewayError` for a key that the provider could not use or has. `known`: keys it has from here. */
function check(instance: ProviderInstance, wanted: Omit<Kept, 'created_at'>, known: number): void {
  const { key, name } = wanted;
  if (!takesKeys(instance)) {
    throw new ValidationError(
      'This provider takes no keys: it answers in this process, or its own header stands above them.',
      null,
    );
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new ValidationError(
      'The key holds a space, a line break or a letter that no header can carry. Check how it was copied.',
      'key',
    );
  }
  if (placeholder(key)) throw new ValidationError('The key is a placeholder. Put the real one there.', 'key');
  if (name === key) throw new ValidationError('The name is the key itself, and names are shown. Give it another one.', 'name');
  if (known >= mostKeys) throw taken(`A provider can have ${mostKeys} keys from here. Remove one first.`, 'too_many_keys', null);
  const headers = JSON.stringify(credentialWith(instance.config, key, name).headers);
  for (const each of instance.credentials) {
    if (each === noCredential) continue;
    if (each.id === name) throw taken('The provider has a key of this name. Give each its own.', 'name_taken', 'name');
    if (JSON.stringify(each.headers) === headers) throw taken('The provider has this key.', 'key_taken', 'key');
  }
}

const taken = (message: string, code: string, param: string | null): GatewayError =>
  new GatewayError(409, 'invalid_request_error', code, message, { param, shouldRetry: false });
