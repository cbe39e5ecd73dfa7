import type { NewTeamInput, PolicyInput, TeamInfo } from './contract.ts';
import type { AdminKeyDocument, TeamDocument } from './documents.ts';
import { checkPolicy } from './grants.ts';
import { absent, configured, conflict, documentOf, keeping } from './keeping.ts';
import { type ChangeOptions, newId } from './key-changes.ts';

/** Changes to teams. */
export class TeamChanges {
  readonly #options: ChangeOptions;

  constructor(options: ChangeOptions) {
    this.#options = options;
  }

  async create(input: NewTeamInput): Promise<TeamInfo> {
    checkPolicy(input, this.#options.config.providers);
    this.#checkName(input.name, null);
    const id = newId('team');
    const seconds = Math.floor(this.#options.now() / 1000);
    await keeping(
      this.#options.records.create<TeamDocument>('team', id, {
        name: input.name,
        models: input.models ?? null,
        providers: input.providers ?? null,
        rate_limits: input.rate_limits ?? {},
        budgets: input.budgets ?? [],
        metadata: input.metadata ?? null,
        created_at: seconds,
        updated_at: seconds,
      }),
    );
    return this.#changed(id);
  }

  async update(id: string, input: PolicyInput, ifMatch: string | undefined): Promise<TeamInfo> {
    const { records, config, now } = this.#options;
    this.#checkSource(id);
    const { version, value } = documentOf<TeamDocument>(records, 'team', id, ifMatch);
    checkPolicy(input, config.providers);
    if (input.name !== undefined) this.#checkName(input.name, id);
    const changed: TeamDocument = {
      ...value,
      name: input.name ?? value.name,
      models: input.models === undefined ? value.models : input.models,
      providers: input.providers === undefined ? value.providers : input.providers,
      rate_limits: (input.rate_limits === undefined ? value.rate_limits : input.rate_limits) ?? {},
      budgets: (input.budgets === undefined ? value.budgets : input.budgets) ?? [],
      metadata: input.metadata === undefined ? value.metadata : input.metadata,
      updated_at: Math.floor(now() / 1000),
    };
    await keeping(records.replace('team', id, version, changed), ifMatch);
    return this.#changed(id);
  }

  async remove(id: string, ifMatch: string | undefined): Promise<void> {
    const { records, directory } = this.#options;
    this.#checkSource(id);
    const { version } = documentOf<TeamDocument>(records, 'team', id, ifMatch);
    const keys = directory.keys().filter(({ team }) => team === id).length;
    const admins = [...records.all<AdminKeyDocument>('admin_key').values()].filter(({ value }) => value.team === id).length;
    if (keys + admins > 0) {
      throw conflict(
        `The team has ${keys} keys and ${admins} admin keys. Delete them or move the keys to another team first.`,
        'team_in_use',
      );
    }
    await keeping(records.remove('team', id, version), ifMatch);
    directory.refreshTeams([id]);
  }

  #checkSource(id: string): void {
    const info = this.#options.directory.team(id);
    if (info === null) throw absent('team');
    if (info.source === 'config') throw configured('team');
  }

  #checkName(name: string, id: string | null): void {
    if (this.#options.directory.teams().some((team) => team.name === name && team.id !== id)) {
      throw conflict('There is a team of this name.', 'team_exists', 'name');
    }
  }

  #changed(id: string): TeamInfo {
    this.#options.directory.refreshTeams([id]);
    const info = this.#options.directory.team(id);
    if (info === null) throw absent('team');
    return info;
  }
}
