import type { ProviderConfig } from '../schemas/config.ts';
import type { FieldTable } from './chat.ts';
import type { ModelInfo } from './model.ts';
import type { PrefixKeeping } from './prefix.ts';
import type { TokenRules } from './tokens.ts';
import type { HeaderMap, Kept, Translation, UpstreamRequest } from './translation.ts';

export type * from './chat.ts';
export type * from './model.ts';
export type * from './prefix.ts';
export type * from './translation.ts';
export { TranslationError } from './translation.ts';

// The provider contract: types only, imported by both sides. Everything here is pure: no sockets, timers or globals.

/** What a caller can ask for. `operation x dialect` is data. */
export type Operation = 'chat' | 'embeddings' | 'responses';

/** Provider + upstream model + weight: one place an exchange can be sent to. */
export interface Target {
  /** `provider/model`; unique. */
  readonly id: string;
  readonly provider: ProviderInstance;
  /** Upstream model id, never a pattern. */
  readonly model: string;
  readonly weight: number;
  /** Vector length of an embeddings target, where configured. */
  readonly dimensions?: number;
  /** What is known of the model; absent when nothing is. */
  readonly info?: ModelInfo;
}

/** One API key of a provider. */
export interface Credential {
  /** Its name in the configuration, else its place in the list (`1`, `2`…); nothing of the secret. */
  readonly id: string;
  readonly weight: number;
  /** What proves who asks, added to every request. Never logged. */
  readonly headers: HeaderMap;
}

/** One configured provider: a type with its settings resolved. Made once per configuration snapshot. */
export interface ProviderInstance {
  readonly name: string;
  readonly type: ProviderType;
  readonly config: Readonly<ProviderConfig>;
  /** With version segment, no trailing slash: `https://api.example.com/v1`. Empty for a provider with `serve`. */
  readonly baseUrl: string;
  readonly origin: string;
  /** Path of `baseUrl` (`/v1`), `''` at the root. */
  readonly path: string;
  /** Configured query, encoded, with `?`, or `''`. */
  readonly query: string;
  /** Configured headers, without a credential. Never logged. */
  readonly headers: HeaderMap;
  /** At least one; where there is no key, one without headers. Another list once keys come or go. */
  readonly credentials: readonly Credential[];
  readonly operations: ReadonlySet<Operation>;
  /** The host is the vendor's own: never resolved to a private address. False for a base URL the operator wrote. */
  readonly vendorHost: boolean;
}

/** A top-level member of a JSON object, by byte offsets into its text: `"key" : value`, end exclusive. */
export interface Member {
  /** Decoded key. */
  readonly key: string;
  readonly keyStart: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** The caller's JSON body. Read-only: each attempt translates from this original. */
export interface CallBody {
  readonly bytes: Buffer;
  readonly json: Readonly<Record<string, unknown>>;
  /** Top-level members of `bytes`, in order, keys unique. */
  readonly members: readonly Member[];
  /**
   * Strings of `json` that stand for long ones (images, sounds) cut out before the parse, and where those are. Absent when
   * nothing was cut.
   */
  readonly cut?: ReadonlyMap<string, CutString>;
}

/** A long string of a body, by the byte offsets of what is between its quotes, end exclusive. */
export interface CutString {
  readonly start: number;
  readonly end: number;
  /** Bytes at its start that its stand-in shows, all of them plain ASCII; a unique mark follows them there. */
  readonly shown: number;
}

/** One call as the adapters see it. */
export interface Call {
  readonly operation: Operation;
  /** Dialect of the caller (`openai`). Equal to the target's: bytes pass; otherwise the call goes through the unified model. */
  readonly dialect: string;
  readonly body: CallBody;
  readonly stream: boolean;
  /** The client asked to see usage in the stream. */
  readonly streamUsage: boolean;
  /** Top-level fields consumed here, never sent on. */
  readonly dropped: ReadonlySet<string>;
  /** `gateway.require_parameters`: a target that would leave anything of the request out may not answer. */
  readonly requireParameters: boolean;
  /** What earlier answers left with the gateway, by tool-call id. */
  readonly kept: ReadonlyMap<string, Kept>;
}

/** What a translation takes from outside, as it is pure. */
export interface TranslationContext {
  /** A new identifier: `prefix` and 24 random letters or digits. */
  id(prefix: string): string;
  /** Unix milliseconds. */
  now(): number;
}

/** An answer played from memory by a provider that has no server (`after` = milliseconds since the step before). */
export interface LocalReply {
  readonly status: number;
  readonly headers: HeaderMap;
  readonly steps: Iterable<{ readonly after: number; readonly bytes?: Buffer; readonly cut?: boolean }>;
}

/** Where a type's settings come from when no file names the provider. */
export interface ProviderEnvironment {
  /** Provider name in the catalogue when switched on by the environment. */
  readonly provider: string;
  readonly preset?: string;
  readonly apiKey: readonly string[];
  readonly baseUrl: readonly string[];
}

/** Defaults a preset or a type gives to its configuration entries. */
export interface ProviderDefaults extends Partial<ProviderConfig> {
  /** `base_url` points at the vendor's own host. */
  readonly vendorHost?: boolean;
  /** Key of the built-in price and model data. */
  readonly priceProvider?: string;
  /** A model of it to try first, for messages. */
  readonly exampleModel?: string;
  /** Where to get the key, for messages. */
  readonly keyVariable?: string;
  /** Works without an API key. */
  readonly keyless?: boolean;
}

/** One way of speaking to upstreams. Registered into `fastify.router`. */
export interface ProviderType {
  /** The value of `providers.*.type`. */
  readonly type: string;
  readonly dialect: string;
  readonly defaults: ProviderDefaults;
  readonly presets: Readonly<Record<string, ProviderDefaults>>;
  readonly environment: readonly ProviderEnvironment[];
  /** All the operations it can speak; absent: any. */
  readonly speaks?: readonly Operation[];
  /** Ends of a base URL's path where something else is spoken, and what to write instead of each. */
  readonly foreignPaths?: readonly { readonly end: string; readonly hint: string }[];
  /**
   * Translates one call for one target; null when the operation is not spoken. Never mutates the call. Throws `TranslationError`
   * with reason `invalid_request` when the target cannot be asked that.
   */
  translate(call: Call, target: Target, context: TranslationContext): Translation | null;
  /** What becomes of each field of a chat request here, for the documentation; absent where they pass as they are. */
  readonly fields?: FieldTable;
  /** What is known of a model of this type by its upstream id, without asking; null when nothing is. */
  describe?(model: string): Partial<ModelInfo> | null;
  readonly prefixes?: PrefixKeeping;
  /** How its models, wherever they are served, count what they read; of several that match a model the first holds. */
  readonly tokens?: readonly TokenRules[];
  /** The request for the upstream's model list and its reader; null when it has none. */
  catalogue?(provider: ProviderInstance): { request: UpstreamRequest; read(bytes: Buffer): readonly ModelInfo[] } | null;
  /** Models known without asking (a provider that has no server lists its own here). */
  readonly builtin?: readonly ModelInfo[];
  /** Answers in process instead of over a socket. */
  serve?(request: UpstreamRequest): LocalReply;
}
