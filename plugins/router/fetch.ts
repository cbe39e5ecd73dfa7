import type { FastifyBaseLogger } from 'fastify';
import type { ModelInfo, ProviderInstance } from '../../providers/provider.ts';
import type { Upstream } from '../upstream/index.ts';

const everyMs = 10 * 60_000;
const retryMs = 60_000;
const timeoutMs = 10_000;
const maxBytes = 8 * 1024 * 1024;

/** Reads one provider's model list; null when it has none. Rejects with a message for the log. */
function fetchModels(upstream: Upstream, provider: ProviderInstance): Promise<readonly ModelInfo[]> | null {
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
    const call = upstream.send(provider, catalogue.request, undefined, {
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
    });
  });
}

/**
 * Keeps the upstream model lists fresh in the background; names are never resolved by waiting for it. Returns the stop.
 */
export function keepFetching(
  upstream: Upstream,
  providers: Iterable<ProviderInstance>,
  log: FastifyBaseLogger,
  store: (provider: ProviderInstance, models: readonly ModelInfo[]) => void,
): () => void {
  const timers = new Map<string, NodeJS.Timeout>();
  let stopped = false;

  function schedule(provider: ProviderInstance, ms: number): void {
    if (stopped) return;
    const timer = setTimeout(() => run(provider), ms);
    timer.unref();
    timers.set(provider.name, timer);
  }

  function run(provider: ProviderInstance): void {
    fetchModels(upstream, provider)?.then(
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
