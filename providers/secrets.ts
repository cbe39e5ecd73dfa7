import type { ProviderInstance } from './provider.ts';
import { secretsOf } from './wire/scrub.ts';

const known = new WeakMap<ProviderInstance, readonly string[]>();

/** What a provider is sent to prove who asks; none of it is ever shown. Sorted once per provider instead of per call. */
export function secretsOfProvider(provider: ProviderInstance): readonly string[] {
  let secrets = known.get(provider);
  if (secrets === undefined) {
    secrets = secretsOf(provider.headers, ...provider.credentials.map(({ headers }) => headers));
    known.set(provider, secrets);
  }
  return secrets;
}
