import type { AdminScope } from '../admin/scope.ts';
import { ValidationError } from '../errors/index.ts';
import type { Document } from '../records/contract.ts';
import type { AdminKeyInfo, AdminKeyInput, Made } from './contract.ts';
import type { AdminKeyDocument } from './documents.ts';
import { checkExpiry } from './grants.ts';
import { cannotKeep, documentOf, keeping } from './keeping.ts';
import { type ChangeOptions, newId } from './key-changes.ts';
import { digestOf, fingerprintOf, Secret, SecretIndex } from './secret-index.ts';
import { adminPrefix, hintOf, newSecret } from './token.ts';

const infoOf = ({ id, version, value }: Document<AdminKeyDocument>): AdminKeyInfo =>
  Object.freeze({
    id,
    name: value.name,
    role: value.role,
    team: value.team,
    hint: value.hint,
    createdAt: value.created_at,
    expiresAt: value.expires_at,
    version,
  });

/** Admin keys that were made through the admin API, in memory, and their changes: only the holder of ADMIN_API_KEY makes them. */
export class AdminKeys {
  readonly #options: ChangeOptions;
  readonly #secrets: SecretIndex<AdminScope>;
  readonly #known = new Map<string, { readonly info: AdminKeyInfo; readonly secret: Secret<AdminScope> }>();

  constructor(options: ChangeOptions) {
    this.#options = options;
    this.#secrets = new SecretIndex(adminPrefix, options.directory.secrets.pepper, options.now);
    this.reload();
  }

  /** Takes over all documents, under the pepper in force. They are few. */
  reload(): void {
    const { records, directory, pepperId } = this.#options;
    this.#secrets.pepper = directory.secrets.pepper;
    this.#known.clear();
    for (const document of records.all<AdminKeyDocument>('admin_key').values()) {
      const { id, value } = document;
      const { name, role, team, secret, expires_at: expiresAt } = value;
      const scope: AdminScope = Object.freeze({ id, name, role, team });
      const kept = new Secret(Buffer.from(secret.digest, 'base64'), scope, expiresAt === null ? Infinity : expiresAt * 1000);
      this.#known.set(id, { info: infoOf(document), secret: kept });
      // Of a team that is gone: there is nothing it could be held to.
      if (secret.pepper_id === pepperId() && (team === null || directory.team(team) !== null)) this.#secrets.add(kept);
    }
  }

  find(key: string): AdminScope | null {
    return this.#secrets.find(key);
  }

  list(): readonly AdminKeyInfo[] {
    return [...this.#known.values()].map(({ info }) => info);
  }

  async create(input: AdminKeyInput, by: string): Promise<Made<AdminKeyInfo>> {
    const { records, directory, pepperId, now } = this.#options;
    const pepper = pepperId();
    if (pepper === null) throw cannotKeep();
    const team = input.team ?? null;
    const found = team === null ? null : (directory.team(team) ?? directory.teams().find(({ name }) => name === team) ?? null);
    if (team !== null && found === null)
      throw new ValidationError(
        'There is no team of this id or name. Make it first: POST /admin/v1/teams.',
        'team',
        'team_not_found',
      );
    if (input.role === 'team' && found === null) throw new ValidationError('The role `team` needs a team.', 'team');
    const seconds = Math.floor(now() / 1000);
    checkExpiry(input.expires_at, seconds);
    const secret = newSecret(adminPrefix);
    const id = newId('admin');
    const document = await keeping(
      records.create<AdminKeyDocument>('admin_key', id, {
        name: input.name,
        role: input.role,
        team: found?.id ?? null,
        hint: hintOf(secret, adminPrefix),
        created_at: seconds,
        created_by: by,
        expires_at: input.expires_at ?? null,
        secret: {
          digest: digestOf(directory.secrets.pepper, fingerprintOf(secret)).toString('base64'),
          pepper_id: pepper,
          until: null,
        },
      }),
    );
    this.reload();
    return { info: infoOf(document), secret };
  }

  async remove(id: string): Promise<void> {
    const { records } = this.#options;
    const { version } = documentOf<AdminKeyDocument>(records, 'admin_key', id);
    await keeping(records.remove('admin_key', id, version));
    this.reload();
  }
}
