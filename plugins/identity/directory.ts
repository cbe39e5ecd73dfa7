import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../../schemas/config.ts';
import type { Principal } from '../exchange/exchange.ts';
import type { Document, Records } from '../records/contract.ts';
import { configuredKey, configuredKeyId, configuredTeam, configuredTeamId } from './configured.ts';
import type { KeyInfo, TeamInfo } from './contract.ts';
import { attributesOf, type KeyDocument, type TeamDocument } from './documents.ts';
import type { Pepper } from './pepper.ts';
import { allowanceOf, principalOf } from './principal.ts';
import { digestOf, fingerprintOf, Secret, SecretIndex } from './secret-index.ts';
import { isWellFormed, keyPrefix } from './token.ts';

interface Entry {
  readonly info: KeyInfo;
  readonly secrets: readonly Secret<Principal>[];
}

export interface DirectoryOptions {
  readonly config: Pick<Config, 'keys' | 'teams'>;
  readonly records: Pick<Records, 'all'>;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const milliseconds = (seconds: number | null): number => (seconds === null ? Infinity : seconds * 1000);

function teamOf({ id, version, value }: Document<TeamDocument>): TeamInfo {
  const { name, models, providers, rate_limits: rateLimits, budgets, metadata } = value;
  return Object.freeze({
    id,
    name,
    source: 'api',
    models,
    providers,
    allowance: allowanceOf('team', id, name, rateLimits, budgets),
    rateLimits,
    budgets,
    metadata,
    createdAt: value.created_at,
    updatedAt: value.updated_at,
    version,
  });
}

/**
 * Keys and teams, of the configuration and of the documents, in memory. A change costs what it is about: a key one key, a team its keys.
 * A key whose team is not there is not taken: without it, nothing would hold the key to what the team may.
 */
export class Directory {
  readonly secrets: SecretIndex<Principal>;
  readonly #options: DirectoryOptions;
  #pepperId: string;
  readonly #keys = new Map<string, Entry>();
  readonly #teams = new Map<string, TeamInfo>();
  #keyList: readonly KeyInfo[] | null = null;

  /** Throws when two keys of the configuration share a secret: the ledger could not tell them apart. */
  constructor(options: DirectoryOptions, pepper: Pepper) {
    this.#options = options;
    this.#pepperId = pepper.id;
    this.secrets = new SecretIndex(keyPrefix, pepper.key, options.now);
    this.#load();
  }

  /** Everything anew, with another pepper. */
  repepper(pepper: Pepper): void {
    this.#pepperId = pepper.id;
    this.secrets.pepper = pepper.key;
    this.#keys.clear();
    this.#teams.clear();
    this.#load();
  }

  keys(): readonly KeyInfo[] {
    this.#keyList ??= [...this.#keys.values()].map(({ info }) => info);
    return this.#keyList;
  }

  teams(): readonly TeamInfo[] {
    return [...this.#teams.values()];
  }

  key(id: string): KeyInfo | null {
    return this.#keys.get(id)?.info ?? null;
  }

  team(id: string): TeamInfo | null {
    return this.#teams.get(id) ?? null;
  }

  /** Takes over what the documents of these keys say now. */
  refreshKeys(ids: Iterable<string>): void {
    const documents = this.#options.records.all<KeyDocument>('key');
    for (const id of ids) {
      const document = documents.get(id);
      if (document === undefined) this.#drop(id);
      else this.#take(document);
    }
  }

  /** Takes over what the documents of these teams say now, for their keys too. */
  refreshTeams(ids: readonly string[]): void {
    const documents = this.#options.records.all<TeamDocument>('team');
    const changed = new Set<string>();
    for (const id of ids) {
      if (this.#isConfigured('teams', id)) continue;
      changed.add(id);
      const document = documents.get(id);
      if (document === undefined) this.#teams.delete(id);
      else this.#teams.set(id, teamOf(document));
    }
    this.refreshKeys(
      this.keys().flatMap((key) => (key.source === 'api' && key.team !== null && changed.has(key.team) ? [key.id] : [])),
    );
  }

  #load(): void {
    const { config, records } = this.#options;
    for (const [name, team] of Object.entries(config.teams)) this.#teams.set(configuredTeamId(name), configuredTeam(name, team));
    const find = (id: string) => this.team(id);
    for (const [name, key] of Object.entries(config.keys)) this.#takeConfigured(configuredKey(name, key, find), key.secret);
    for (const document of records.all<TeamDocument>('team').values()) {
      if (!this.#isConfigured('teams', document.id)) this.#teams.set(document.id, teamOf(document));
    }
    this.refreshKeys(records.all('key').keys());
  }

  #takeConfigured(info: KeyInfo, secret: string): void {
    if (secret.startsWith(keyPrefix) && !isWellFormed(secret, keyPrefix)) this.secrets.takeOdd();
    const digest = digestOf(this.secrets.pepper, fingerprintOf(secret));
    const entry = { info, secrets: [new Secret(digest, info.principal, milliseconds(info.expiresAt))] };
    if (!this.secrets.add(entry.secrets[0]!)) {
      const other = this.secrets.ownerOf(digest)!.name;
      throw new Error(`keys.${info.name} has the same secret as keys.${other}: give each key a secret of its own.`);
    }
    this.#set(info.id, entry);
  }

  #take(document: Document<KeyDocument>): void {
    const { id, value } = document;
    if (this.#isConfigured('keys', id)) return;
    this.#drop(id);
    const info = this.#infoOf(document);
    const secrets: Secret<Principal>[] = [];
    this.#set(id, { info, secrets });
    if (info.disabled || info.orphaned) return;
    for (const { digest, pepper_id: pepperId, until } of value.secrets) {
      const end = Math.min(milliseconds(until), milliseconds(value.expires_at));
      if (pepperId !== this.#pepperId || end <= this.#options.now()) continue;
      const secret = new Secret(Buffer.from(digest, 'base64'), info.principal, end);
      if (this.secrets.add(secret)) secrets.push(secret);
      else this.#options.log.warn({ key: id }, 'a key has the same secret as another one and is not taken');
    }
  }

  #infoOf({ id, version, value }: Document<KeyDocument>): KeyInfo {
    const { name, team, disabled, hint, secrets } = value;
    const found = team === null ? null : this.team(team);
    const attributes = attributesOf(value);
    return Object.freeze({
      id,
      name,
      team,
      source: 'api',
      hint,
      principal: principalOf(id, name, attributes, team, found),
      attributes,
      createdAt: value.created_at,
      updatedAt: value.updated_at,
      createdBy: value.created_by,
      expiresAt: value.expires_at,
      previousUntil: secrets[1]?.until ?? null,
      disabled,
      orphaned: team !== null && found === null,
      version,
    });
  }

  #set(id: string, entry: Entry): void {
    this.#keys.set(id, entry);
    this.#keyList = null;
  }

  #drop(id: string): void {
    const entry = this.#keys.get(id);
    if (entry === undefined || entry.info.source === 'config') return;
    for (const secret of entry.secrets) this.secrets.remove(secret);
    this.#keys.delete(id);
    this.#keyList = null;
  }

  #isConfigured(kind: 'keys' | 'teams', id: string): boolean {
    const prefix = kind === 'keys' ? configuredKeyId('') : configuredTeamId('');
    return Object.hasOwn(this.#options.config[kind], id.slice(prefix.length));
  }
}
