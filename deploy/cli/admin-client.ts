import { readFileSync } from 'node:fs';
import { request as httpRequest, validateHeaderValue } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isWildcardHost, parseListen } from '../../config/listen.ts';
import { CliError, text, type Values } from './command.ts';

/** Options of every command that asks a running gateway. */
export const connection = {
  url: { type: 'string' },
  'admin-key-file': { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const connectionHelp = `  --url URL              management listener; default: MANAGEMENT_LISTEN, else http://127.0.0.1:4001
                         (unix:/path for a socket)
  --admin-key-file FILE  file with the admin key; default: ADMIN_API_KEY, or ADMIN_API_KEY_FILE
  --json                 print what the gateway answered`;

/** Milliseconds without an answer after which a request is given up. */
const patience = 30_000;

export interface Answer {
  readonly status: number;
  readonly etag: string | null;
  /** `x-postern-next-cursor`: of the next page of a table. */
  readonly cursor: string | null;
  /** `x-postern-warnings`. */
  readonly warnings: string | null;
  readonly text: string;
}

interface Place {
  readonly secure: boolean;
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
  /** Of a URL with a path. */
  readonly prefix: string;
  readonly shown: string;
}

function placeOf(written: string): Place {
  if (written.startsWith('unix:')) return { secure: false, socketPath: written.slice(5), prefix: '', shown: written };
  const url = URL.parse(written);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CliError(`--url takes http://host:port, https://host or unix:/path, not ${written}.`, 2);
  }
  const secure = url.protocol === 'https:';
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    prefix: url.pathname.replace(/\/$/, ''),
    shown: url.origin,
  };
}

/** The management listener of this machine, by its own setting. */
function ownListener(env: NodeJS.ProcessEnv): string {
  const address = parseListen(env.MANAGEMENT_LISTEN || '127.0.0.1:4001');
  if (typeof address === 'string') throw new CliError(`MANAGEMENT_LISTEN is not an address: ${address}.`, 2);
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = isWildcardHost(address.host) ? '127.0.0.1' : address.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

function secretOf(values: Values, env: NodeJS.ProcessEnv): string | null {
  const file = text(values, 'admin-key-file') ?? (env.ADMIN_API_KEY ? undefined : env.ADMIN_API_KEY_FILE);
  if (file === undefined || file === '') return sendable(env.ADMIN_API_KEY || null);
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`The file with the admin key cannot be read: ${(error as Error).message}.`, 2);
  }
  return sendable(content.trim() || null);
}

/** Throws `CliError`, which does not show the key. */
function sendable(key: string | null): string | null {
  try {
    if (key !== null) validateHeaderValue('authorization', key);
  } catch {
    throw new CliError('The admin key has characters that no header takes: it is one line.', 2);
  }
  return key;
}

/** Asks the management listener of a running gateway. */
export class AdminClient {
  readonly #place: Place;
  readonly #key: string | null;

  constructor(values: Values, env: NodeJS.ProcessEnv) {
    this.#place = placeOf(text(values, 'url') ?? ownListener(env));
    this.#key = secretOf(values, env);
  }

  /** The JSON document of a successful answer; null for an empty one. Throws `CliError` with what the gateway says. */
  async json(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<unknown> {
    const answer = await this.admin(method, path, body, headers);
    try {
      return answer.text === '' ? null : JSON.parse(answer.text);
    } catch {
      throw new CliError(`${method} ${path}: the answer is no JSON. Is --url the management listener of a gateway?`);
    }
  }

  /** A successful answer of the admin API. Throws `CliError`. */
  async admin(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    if (this.#key === null) {
      throw new CliError('The admin key is missing: set ADMIN_API_KEY to the one the gateway was started with.', 2);
    }
    const answer = await this.request(method, path, body, { ...headers, authorization: `Bearer ${this.#key}` });
    if (answer.status < 300) return answer;
    throw new CliError(`${method} ${path}: ${answer.status} ${errorOf(answer)}`);
  }

  /** Any answer. Throws `CliError` when there is none. */
  request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const { secure, prefix, shown, ...to } = this.#place;
    const bytes = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const sent = {
      ...headers,
      ...(bytes === null ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }),
    };
    return new Promise((resolve, reject) => {
      const unreachable = (error: Error): void => {
        const why = (error as NodeJS.ErrnoException).code ?? error.message;
        reject(new CliError(`No gateway answers at ${shown} (${why}): is it running, and is --url its management listener?`));
      };
      const send = secure ? httpsRequest : httpRequest;
      const outgoing = send({ ...to, method, path: prefix + path, headers: sent, timeout: patience }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', unreachable);
        incoming.on('end', () => {
          const { statusCode = 0, headers: got } = incoming;
          const headerOf = (name: string): string | null => (typeof got[name] === 'string' ? got[name] : null);
          resolve({
            status: statusCode,
            etag: headerOf('etag'),
            cursor: headerOf('x-postern-next-cursor'),
            warnings: headerOf('x-postern-warnings'),
            text: Buffer.concat(chunks).toString('utf8'),
          });
        });
      });
      outgoing.on('error', unreachable);
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
      outgoing.end(bytes ?? undefined);
    });
  }

  /** All entries of a list, page by page. */
  async list(path: string): Promise<readonly Record<string, unknown>[]> {
    const all: Record<string, unknown>[] = [];
    let cursor: string | null = null;
    do {
      const page = `${path}${path.includes('?') ? '&' : '?'}limit=200${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const { data, next_cursor } = (await this.json('GET', page)) as {
        data: Record<string, unknown>[];
        next_cursor: string | null;
      };
      all.push(...data);
      cursor = next_cursor;
    } while (cursor !== null);
    return all;
  }
}

/** The envelope's message, else the beginning of what came. */
function errorOf({ text: body }: Answer): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    if (typeof error?.message === 'string') return error.message;
  } catch {
    // Something between the gateway and here answered.
  }
  return body.slice(0, 200);
}
