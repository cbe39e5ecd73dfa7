import type { ProviderInstance } from './provider.ts';
import { secretsOf } from './wire/scrub.ts';

/** By the list of credentials, which is another one once keys come or go. */
const known = new WeakMap<ProviderInstance['credentials'], readonly string[]>();

/** What a provider is sent to prove who asks; none of it is ever shown. Sorted once per list of keys instead of per call. */
export function secretsOfProvider(provider: ProviderInstance): readonly string[] {
  let secrets = known.get(provider.credentials);
  if (secrets === undefined) {
    secrets = secretsOf(provider.headers, ...provider.credentials.map(({ headers }) => headers));
    known.set(provider.credentials, secrets);
  }
  return secrets;
}
