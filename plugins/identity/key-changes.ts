import { randomBytes } from 'node:crypto';
import type { Config } from '../../schemas/config.ts';
import type { AdminScope } from '../admin/scope.ts';
import { ValidationError } from '../errors/index.ts';
import { type Document, RecordConflict, type Records } from '../records/contract.ts';
import type { KeyInfo, KeyInput, Made, NewKeyInput, TeamInfo } from './contract.ts';
import type { Directory } from './directory.ts';
import type { KeptSecret, KeyDocument } from './documents.ts';
import { checkExpiry, checkGrant, checkHandOver, checkPolicy, checkStaticKey, fingerprintFrom } from './grants.ts';
import { absent, cannotKeep, configured, conflict, documentOf, keeping } from './keeping.ts';
import { digestOf, fingerprintOf } from './secret-index.ts';
import { hintOf, keyPrefix, newSecret } from './token.ts';

export interface ChangeOptions {
  readonly config: Pick<Config, 'providers' | 'auth'>;
  readonly records: Records;
  readonly directory: Directory;
  /** Id of the pepper in force; null while none is kept: no digest of such a one may be kept. */
  readonly pepperId: () => string | null;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** A document in `secret` that says: keys were made here. */
export const madeId = 'keys_made';

export const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;

/** Of `input` what was said; null clears. */
const said = <T>(value: T | undefined, otherwise: T): T => (value === undefined ? otherwise : value);

/** Changes to keys. Every one holds the key, and what is asked, against the scope of who asks. */
export class KeyChanges {
  readonly #options: ChangeOptions;
  #marked = false;

  constructor(options: ChangeOptions) {
    this.#options = options;
  }

  async create(input: NewKeyInput, scope: AdminScope): Promise<Made<KeyInfo>> {
    const { config, records, directory, now } = this.#options;
    const seconds = Math.floor(now() / 1000);
    const team = this.#teamFor(input.team === undefined ? scope.team : input.team, scope);
    checkGrant(input, scope, team, config.auth.options);
    checkPolicy(input, config.providers);
    checkExpiry(input.expires_at, seconds);
    const { secret, fingerprint } = secretFor(input);
    const kept = this.#kept(fingerprint, null);
    if (directory.secrets.ownerOf(Buffer.from(kept.digest, 'base64')) !== null || this.#isKept(kept, seconds)) {
      throw conflict('There is a key with this secret already.', 'key_exists', input.key === undefined ? 'sha256' : 'key');
    }
    await this.#mark(seconds);
    const id = newId('key');
    await keeping(
      records.create<KeyDocument>('key', id, {
        name: input.name,
        team: team?.id ?? null,
        models: input.models ?? null,
        providers: input.providers ?? null,
        options: input.options ?? null,
        rate_limits: input.rate_limits ?? {},
        budgets: input.budgets ?? [],
        expires_at: input.expires_at ?? null,
        metadata: input.metadata ?? null,
        log: input.log ?? true,
        disabled: input.disabled ?? false,
        hint: secret === null ? null : hintOf(secret, keyPrefix),
        created_at: seconds,
        updated_at: seconds,
        created_by: scope.name,
        secrets: [kept],
      }),
    );
    return { info: this.#changed(id), secret: input.key === undefined ? secret : null };
  }

  async update(id: string, input: KeyInput, ifMatch: string | undefined, scope: AdminScope): Promise<KeyInfo> {
    const { config, now } = this.#options;
    const document = this.#document(id, ifMatch, scope);
    const { value } = document;
    const seconds = Math.floor(now() / 1000);
    const team = input.team === undefined ? this.#options.directory.team(value.team ?? '') : this.#teamFor(input.team, scope);
    checkGrant(input, scope, team, config.auth.options);
    checkPolicy(input, config.providers);
    checkExpiry(input.expires_at, seconds);
    return this.#replace(
      document,
      {
        ...value,
        name: said(input.name, value.name),
        team: input.team === undefined ? value.team : (team?.id ?? null),
        models: said(input.models, value.models),
        providers: said(input.providers, value.providers),
        options: said(input.options, value.options),
        rate_limits: said(input.rate_limits, value.rate_limits) ?? {},
        budgets: said(input.budgets, value.budgets) ?? [],
        expires_at: said(input.expires_at, value.expires_at),
        metadata: said(input.metadata, value.metadata),
        log: said(input.log, value.log),
        disabled: said(input.disabled, value.disabled),
        updated_at: seconds,
      },
      ifMatch,
    );
  }

  async rotate(id: string, overlap: number, ifMatch: string | undefined, scope: AdminScope): Promise<Made<KeyInfo>> {
    const document = this.#document(id, ifMatch, scope);
    const { value } = document;
    const { config, directory, now } = this.#options;
    const { options, log } = value;
    checkHandOver({ options, log }, scope, directory.team(value.team ?? ''), config.auth.options);
    const seconds = Math.floor(now() / 1000);
    const secret = newSecret(keyPrefix);
    const before = overlap === 0 ? [] : value.secrets.slice(0, 1).map((each) => ({ ...each, until: seconds + overlap }));
    const secrets = [this.#kept(fingerprintOf(secret), null), ...before];
    const hint = hintOf(secret, keyPrefix);
    const info = await this.#replace(document, { ...value, hint, secrets, updated_at: seconds }, ifMatch);
    return { info, secret };
  }

  async remove(id: string, ifMatch: string | undefined, scope: AdminScope): Promise<void> {
    const { version } = this.#document(id, ifMatch, scope);
    await keeping(this.#options.records.remove('key', id, version), ifMatch);
    this.#options.directory.refreshKeys([id]);
  }

  /** Throws 404, also where the key is another team's, and 409 for one of the configuration. */
  #document(id: string, ifMatch: string | undefined, scope: AdminScope): Document<KeyDocument> {
    const info = this.#options.directory.key(id);
    if (info === null || (scope.team !== null && info.team !== scope.team)) throw absent('key');
    if (info.source === 'config') throw configured('key');
    return documentOf<KeyDocument>(this.#options.records, 'key', id, ifMatch);
  }

  /** By its id or its name. Another team's admin is not told whether there is one. */
  #teamFor(named: string | null, scope: AdminScope): TeamInfo | null {
    if (named === null) return null;
    const { directory } = this.#options;
    const byId = directory.team(named);
    const found = byId === null ? directory.teams().filter(({ name }) => name === named) : [byId];
    if (scope.team !== null) return found.find(({ id }) => id === scope.team) ?? null;
    if (found.length === 1) return found[0]!;
    throw new ValidationError(
      found.length === 0
        ? 'There is no team of this id or name. Make it first: POST /admin/v1/teams.'
        : 'Several teams have this name: give the id.',
      'team',
      'team_not_found',
    );
  }

  #kept(fingerprint: string, until: number | null): KeptSecret {
    const pepper = this.#options.pepperId();
    if (pepper === null) throw cannotKeep();
    return { digest: digestOf(this.#options.directory.secrets.pepper, fingerprint).toString('base64'), pepper_id: pepper, until };
  }

  /** Whether a key has this secret, also one that is not taken now: two of them would be told apart by the order of their documents alone. */
  #isKept({ digest }: KeptSecret, seconds: number): boolean {
    for (const { value } of this.#options.records.all<KeyDocument>('key').values()) {
      if (value.secrets.some((each) => each.digest === digest && (each.until === null || each.until > seconds))) return true;
    }
    return false;
  }

  async #replace({ id, version }: Document<KeyDocument>, value: KeyDocument, ifMatch: string | undefined): Promise<KeyInfo> {
    await keeping(this.#options.records.replace('key', id, version, value), ifMatch);
    return this.#changed(id);
  }

  #changed(id: string): KeyInfo {
    this.#options.directory.refreshKeys([id]);
    const info = this.#options.directory.key(id);
    if (info === null) throw absent('key');
    return info;
  }

  async #mark(seconds: number): Promise<void> {
    const { records } = this.#options;
    if (this.#marked || records.all('secret').has(madeId)) return;
    const made = records.create('secret', madeId, { at: seconds }).catch((error: Error) => {
      if (!(error instanceof RecordConflict)) throw error;
    });
    await keeping(made);
    this.#marked = true;
  }
}

function secretFor({ key, sha256 }: NewKeyInput): { secret: string | null; fingerprint: string } {
  if (key !== undefined && sha256 !== undefined) throw new ValidationError('Give key or sha256, not both.', 'sha256');
  if (sha256 !== undefined) return { secret: null, fingerprint: fingerprintFrom(sha256) };
  if (key !== undefined) checkStaticKey(key);
  const secret = key ?? newSecret(keyPrefix);
  return { secret, fingerprint: fingerprintOf(secret) };
}
