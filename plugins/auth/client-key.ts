import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { LRUCache } from 'lru-cache';
import { AuthenticationError, ValidationError } from '../errors/classes.ts';
import { anonymous, type CallerKey, type Principal } from '../exchange/exchange.ts';
import { presentedKey } from './credential.ts';

// Keys of providers that callers send for themselves: modes `client` (the key is all they send) and `hybrid` (beside a gateway key).

const header = 'x-postern-provider-key';
const providerName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** `<provider> <key>`: what a header can carry of a key, RFC 9110 §5.5 without spaces. */
const providerAndKey = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})[ \t]+([\x21-\x7e]{1,4096})$/;
const sendable = /^[\x21-\x7e]{1,4096}$/;
/** Of keys that this gateway makes: no provider has such ones. */
const gatewayKeyPrefix = 'sk-postern-';
/** Callers whose names are held, by digests of their keys; a name takes 7 us to make. */
const held = 4096;

const absentKey =
  'This gateway passes the key of the model provider on: send yours as "Authorization: Bearer <key>" (or "x-api-key: <key>"); SDKs do so when you pass it as their API key.';
const unsendable =
  'This is no key of a model provider: it holds what no header can carry, or is too long. Check how it was copied.';
/** Static and imported keys of the gateway look like any other: sent on, a provider would have them in its log. */
export const gatewayKey =
  'This is a key of a gateway, and this gateway passes the key it is sent on to the model provider. Send your key of the provider instead.';

/** Its secret is in no property that a log line, JSON or an inspection would show. */
class SentKey implements CallerKey {
  readonly provider: string | null;
  readonly #secret: string;

  constructor(provider: string | null, secret: string) {
    this.provider = provider;
    this.#secret = secret;
  }

  get secret(): string {
    return this.#secret;
  }
}

/** Who calls with a provider's key of their own: a name made of it, and no limits. Keys are not kept, digests of the latest are. */
export class ClientPrincipals {
  readonly #known = new LRUCache<string, Principal>({ max: held });
  readonly #clientId: (secret: string) => string;

  /** `clientId`: the name of a key, the same for the same one, from which nobody finds the key. */
  constructor(clientId: (secret: string) => string) {
    this.#clientId = clientId;
  }

  of(secret: string): Principal {
    const fingerprint = hash('sha256', secret, 'base64');
    const known = this.#known.get(fingerprint);
    if (known !== undefined) return known;
    const principal = Object.freeze({ ...anonymous, keyId: this.#clientId(secret) });
    this.#known.set(fingerprint, principal);
    return principal;
  }
}

/** The key of mode `client`. Throws `AuthenticationError` where there is none that a provider could be sent. */
export function clientSecret(headers: IncomingHttpHeaders): string {
  const secret = presentedKey(headers);
  if (secret === null) throw new AuthenticationError(absentKey);
  if (!sendable.test(secret)) throw new AuthenticationError(unsendable);
  if (secret.startsWith(gatewayKeyPrefix)) throw new AuthenticationError(gatewayKey);
  return secret;
}

const refused = (message: string): ValidationError => new ValidationError(message, header, 'invalid_provider_key');

/** What a caller says in its header beside the key that it is known by; the messages repeat nothing of it. */
function said(headers: IncomingHttpHeaders): string | null {
  const value = headers[header];
  return value === undefined ? null : String(value).trim();
}

/** Mode `client`: the caller's key, for the provider that its header names, if it names one. Throws `ValidationError`. */
export function clientCallerKey(headers: IncomingHttpHeaders): CallerKey {
  const name = said(headers);
  if (name !== null && !providerName.test(name)) {
    throw refused(`The header ${header} takes the name of a provider and nothing else here; the key goes into Authorization.`);
  }
  return new SentKey(name, clientSecret(headers));
}

/** Mode `hybrid`: the provider's key that a caller sends beside its gateway key; null when it sends none. Throws `ValidationError`. */
export function hybridCallerKey(headers: IncomingHttpHeaders): CallerKey | null {
  const value = said(headers);
  if (value === null) return null;
  const [, provider, secret] = providerAndKey.exec(value) ?? [];
  if (provider === undefined || secret === undefined) {
    throw refused(
      `The header ${header} takes the name of a provider, a space, and your key for it: "${header}: <provider> <key>".`,
    );
  }
  if (secret.startsWith(gatewayKeyPrefix) || secret === presentedKey(headers)) {
    throw refused(`The key in the header ${header} is a gateway key; it takes a key of the provider itself.`);
  }
  return new SentKey(provider, secret);
}

/** Other modes: none, and one that is sent is refused, as the operator's would be used instead. Throws `ValidationError`. */
export function noCallerKey(headers: IncomingHttpHeaders): null {
  if (headers[header] === undefined) return null;
  throw refused(
    `This gateway takes no provider keys of callers. Leave the header ${header} out, or ask the operator for auth.mode: hybrid.`,
  );
}
