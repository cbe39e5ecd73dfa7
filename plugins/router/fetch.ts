import type { FastifyBaseLogger } from 'fastify';
import type { Credential, ModelInfo, ProviderInstance } from '../../providers/provider.ts';
import type { AnswerListener, Upstream } from '../upstream/index.ts';

const everyMs = 10 * 60_000;
const retryMs = 60_000;
const timeoutMs = 10_000;
const maxBytes = 8 * 1024 * 1024;

/** Reads one provider's model list; null when it has none. Rejects with a message for the log. */
function fetchModels(upstream: Upstream, provider: ProviderInstance, key?: Credential): Promise<readonly ModelInfo[]> | null {
  const catalogue = provider.type.catalogue?.(provider) ?? null;
  if (catalogue === null) return null;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    const fail = (message: string): void => {
      clearTimeout(timer);
      call.abort();
      reject(new Error(message));
    };
    const timer = setTimeout(() => fail('no answer in time'), timeoutMs);
    timer.unref();
    const listener: AnswerListener = {
      onSent() {},
      onHead: (head) => {
        status = head.status;
      },
      onData(chunk) {
        size += chunk.length;
        if (size > maxBytes) fail('the list is too large');
        else chunks.push(chunk);
      },
      onEnd() {
        clearTimeout(timer);
        if (status !== 200) reject(new Error(`status ${status}`));
        else {
          try {
            resolve(catalogue.read(Buffer.concat(chunks)));
          } catch {
            reject(new Error('not a model list'));
          }
        }
      },
      onFailure: (failure) => fail(failure.message),
    };
    const call = upstream.send(provider, catalogue.request, undefined, listener, key);
  });
}

/** False where only callers have keys, or the first is still to be added: asked without one, a provider refuses. */
function hasKey({ config, credentials }: ProviderInstance): boolean {
  const needed = config.accept_client_keys === true || config.api_keys?.length === 0;
  return !needed || credentials.some(({ headers }) => Object.keys(headers).length > 0);
}

/**
 * Keeps the upstream model lists fresh in the background; names are never resolved by waiting for it. `keyOf`: the key for the
 * `time`-th request to a provider, from 0; absent: its first. Returns the stop.
 */
export function keepFetching(
  upstream: Upstream,
  providers: Iterable<ProviderInstance>,
  log: FastifyBaseLogger,
  store: (provider: ProviderInstance, models: readonly ModelInfo[]) => void,
  keyOf?: (provider: ProviderInstance, time: number) => Credential,
): () => void {
  const timers = new Map<string, NodeJS.Timeout>();
  const times = new Map<string, number>();
  let stopped = false;

  function schedule(provider: ProviderInstance, ms: number): void {
    if (stopped) return;
    const timer = setTimeout(() => run(provider), ms);
    timer.unref();
    timers.set(provider.name, timer);
  }

  function run(provider: ProviderInstance): void {
    if (!hasKey(provider)) {
      schedule(provider, retryMs);
      return;
    }
    const time = times.get(provider.name) ?? 0;
    times.set(provider.name, time + 1);
    fetchModels(upstream, provider, keyOf?.(provider, time))?.then(
      (models) => {
        store(provider, models);
        log.debug({ provider: provider.name, models: models.length }, 'model list fetched');
        schedule(provider, everyMs);
      },
      (error: Error) => {
        log.debug({ provider: provider.name, reason: error.message }, 'model list not fetched');
        schedule(provider, retryMs);
      },
    );
  }

  for (const provider of providers) if (provider.config.catalogue !== false) run(provider);
  return () => {
    stopped = true;
    for (const timer of timers.values()) clearTimeout(timer);
  };
}
