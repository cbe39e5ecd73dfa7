import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One recorded exchange with a real provider. */
export interface Recording {
  /** The file's name without `.json`. */
  readonly name: string;
  /** `openai`, `openai-compatible`, `gemini`, `vertex-gemini` or `anthropic`. */
  readonly provider: string;
  /** What was sent; null where only the answer was kept. */
  readonly request: RecordedRequest | null;
  readonly status: number;
  /** By their lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The answer: events as they were, JSON as text; of `chunks` the JSON of the list. */
  readonly text: string;
  /** The parsed answer; undefined for events. */
  readonly json: unknown;
  /** How the answer came: as a whole, as events, as a growing JSON array, or as the list of its parsed chunks. */
  readonly streaming: false | 'sse' | 'json_array' | 'chunks';
  /** Whether long base64 was cut in the request or the answer. */
  readonly truncatedBase64: boolean;
  /** What it shows, in the words of the index. */
  readonly shows: readonly string[];
}

export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  /** Percent-decoded path of the address, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By their lower-case name; credentials were removed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Recordings {
  readonly available: boolean;
  readonly folder: string;
  readonly list: readonly Recording[];
}

interface Entry {
  readonly file: string;
  readonly streaming: Recording['streaming'];
  readonly shows?: readonly string[];
}

interface Exchange {
  readonly provider: string;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers?: Record<string, string>;
    readonly body: unknown;
  } | null;
  readonly response: { readonly status: number; readonly headers?: Record<string, string>; readonly body: unknown };
  readonly truncated_base64_fields?: number;
}

let loaded: Recordings | null = null;

/**
 * The recorded exchanges, read once. They are no part of the project: the folder is `RECORDINGS_DIR`, by default
 * `../shared/recordings` beside it, and may be absent.
 */
export function recordings(): Recordings {
  if (loaded !== null) return loaded;
  const folder = process.env.RECORDINGS_DIR ?? join(import.meta.dirname, '../../../shared/recordings');
  const index = join(folder, 'index.json');
  if (!existsSync(index)) {
    loaded = { available: false, folder, list: [] };
    return loaded;
  }
  const entries = new Map((JSON.parse(readFileSync(index, 'utf8')) as Entry[]).map((entry) => [entry.file, entry]));
  const files = readdirSync(folder).filter((file) => file.endsWith('.json') && file !== 'index.json');
  loaded = { available: true, folder, list: files.sort().map((file) => read(folder, file, entries.get(file))) };
  return loaded;
}

function read(folder: string, file: string, entry: Entry | undefined): Recording {
  const exchange = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Exchange;
  const { body } = exchange.response;
  return {
    name: file.slice(0, -'.json'.length),
    provider: exchange.provider,
    request: exchange.request === null ? null : requestOf(exchange.request),
    status: exchange.response.status,
    headers: lower(exchange.response.headers ?? {}),
    text: typeof body === 'string' ? body : JSON.stringify(body),
    json: typeof body === 'string' ? undefined : body,
    streaming: entry?.streaming ?? false,
    truncatedBase64: (exchange.truncated_base64_fields ?? 0) > 0,
    shows: entry?.shows ?? [],
  };
}

function requestOf(request: NonNullable<Exchange['request']>): RecordedRequest {
  const url = new URL(request.url);
  return {
    method: request.method.toUpperCase(),
    url: request.url,
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: lower(request.headers ?? {}),
    body: request.body,
  };
}

function lower(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** What is missing where the recordings are absent, per provider. */
export const recordedCounts: Readonly<Record<string, number>> = {
  anthropic: 93,
  gemini: 85,
  'vertex-gemini': 29,
  openai: 86,
  'openai-compatible': 71,
};
