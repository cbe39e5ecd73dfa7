import type { ModelInfo, ProviderType } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';

interface ModelSource {
  builtinModels(priceProvider: string): Promise<readonly ModelInfo[]>;
}

/**
 * Reads the built-in model lists a configuration can refer to, so that names resolve without waiting. When every provider
 * answers in process they are only good for messages ("set X to turn that provider on") and are read after the return.
 */
export async function builtinModels(
  usage: ModelSource,
  types: readonly ProviderType[],
  config: Config,
): Promise<(priceProvider: string) => readonly ModelInfo[]> {
  const inProcess = new Set(types.filter((type) => type.serve !== undefined).map((type) => type.type));
  const enabled = Object.values(config.providers).filter((provider) => provider.enabled !== false);
  const names = types.flatMap((type) => [type.defaults, ...Object.values(type.presets)].map((each) => each.priceProvider));
  const lists = new Map<string, readonly ModelInfo[]>();
  const read = async (): Promise<void> => {
    for (const name of new Set(names)) if (name !== undefined) lists.set(name, await usage.builtinModels(name));
  };
  if (enabled.some((provider) => !inProcess.has(provider.type))) await read();
  else setTimeout(() => void read().catch(() => {}), readLaterMs).unref();
  return (priceProvider) => lists.get(priceProvider) ?? [];
}

/** Long enough for the listeners to be open. */
const readLaterMs = 500;
