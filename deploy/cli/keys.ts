import { AdminClient, connection, connectionHelp } from './admin-client.ts';
import { allowance, allowanceHelp, allowanceOptions, allowanceText, expiry, without, withRates } from './allowance.ts';
import { CliError, type Command, parse, type Surroundings, text } from './command.ts';
import { seconds } from './duration.ts';
import { instant, json, table } from './table.ts';

const path = '/admin/v1/keys';

const help = `Usage: postern keys list
       postern keys show ID
       postern keys create NAME [options]
       postern keys update ID [options]
       postern keys rotate ID [--overlap 1h]
       postern keys delete ID

Keys of callers. Their secrets are shown once, when they are made; those of the configuration are listed and cannot be changed here.

  --team ID              team of the key ("none" takes it out)
${allowanceHelp}
  --unlimited            no limits and no budgets of its own (update)
  --expires WHEN         30d, 2026-12-31 or never
  --name NAME            another name (update)
  --disable, --enable    refuse it for now, take it again (update)
  --overlap DURATION     how long the old secret goes on working (rotate); default 0s
${connectionHelp}
`;

const changes = {
  ...connection,
  ...allowanceOptions,
  team: { type: 'string' },
  expires: { type: 'string' },
} as const;

type Entry = Readonly<Record<string, unknown>>;

const notAskedFor =
  'This gateway asks for no gateway keys now (auth.mode is none or client), so limits of this one do not hold yet. ' +
  'Start it anew with AUTH_MODE=gateway.\n';

function row(key: Entry): (string | null)[] {
  const state = key.status === 'active' ? null : (key.status as string | null);
  const models = (key.models as string[] | null)?.join(',') ?? null;
  return [
    String(key.id),
    String(key.name),
    key.team as string | null,
    models,
    allowanceText(key),
    instant(key.expires_at),
    state,
  ];
}

/** Keys as the admin API tells of them, one in a line. */
export const keyTable = (keys: readonly Entry[]): string =>
  table(['ID', 'NAME', 'TEAM', 'MODELS', 'LIMITS', 'EXPIRES', 'STATE'], keys.map(row));

/** The secret alone goes to standard output, so that a script can keep it. */
function tellSecret({ out, err }: Surroundings, made: Entry, what: string): void {
  err(`${what} ${String(made.id)} (${String(made.name)}). This is the only time its secret is shown:\n`);
  out(`${String(made.key)}\n`);
}

async function create(args: readonly string[], around: Surroundings): Promise<void> {
  const { values, operands } = parse(args, changes, { names: ['NAME'] });
  const body = {
    name: operands[0],
    ...allowance(values),
    ...without({ team: text(values, 'team'), expires_at: expiry(values, around.now()) }),
  };
  const answer = await new AdminClient(values, around.env).admin('POST', path, body);
  const made = JSON.parse(answer.text) as Entry;
  if (values.json === true) around.out(json(made));
  else tellSecret(around, made, 'Made key');
  if (answer.warnings === 'ignored=key') around.err(notAskedFor);
}

async function update(args: readonly string[], around: Surroundings): Promise<void> {
  const options = { ...changes, name: { type: 'string' }, disable: { type: 'boolean' }, enable: { type: 'boolean' } } as const;
  const { values, operands } = parse(args, options, { names: ['ID'] });
  const team = text(values, 'team');
  const wanted = {
    ...allowance(values),
    ...without({
      name: text(values, 'name'),
      team: team === 'none' ? null : team,
      expires_at: expiry(values, around.now()),
      disabled: values.disable === true ? true : values.enable === true ? false : undefined,
    }),
  };
  const at = `${path}/${encodeURIComponent(operands[0]!)}`;
  const changed = await change(new AdminClient(values, around.env), at, wanted);
  around.out(values.json === true ? json(changed) : keyTable([changed]));
}

/** Changes a key or a team as it is at that moment: rates that `wanted` does not name stay. Throws `CliError`. */
export async function change(client: AdminClient, at: string, wanted: Entry): Promise<Entry> {
  if (Object.keys(wanted).length === 0) throw new CliError('Nothing to change was given. See --help.', 2);
  const { etag, text: seen } = await client.admin('GET', at);
  const { rate_limits } = JSON.parse(seen) as Entry;
  const body = withRates(wanted, rate_limits as Entry | null);
  return (await client.json('PATCH', at, body, etag === null ? {} : { 'if-match': etag })) as Entry;
}

async function rotate(args: readonly string[], around: Surroundings): Promise<void> {
  const { values, operands } = parse(args, { ...connection, overlap: { type: 'string' } }, { names: ['ID'] });
  const overlap = seconds(text(values, 'overlap') ?? '0s', '--overlap');
  const at = `${path}/${encodeURIComponent(operands[0]!)}/rotate`;
  const made = (await new AdminClient(values, around.env).json('POST', at, { overlap_seconds: overlap })) as Entry;
  if (values.json === true) around.out(json(made));
  else tellSecret(around, made, overlap === 0 ? 'Rotated key' : `The old secret works for ${overlap} more seconds. Rotated key`);
}

async function show(args: readonly string[], around: Surroundings): Promise<void> {
  const { values, operands } = parse(args, connection, { names: ['ID'] });
  around.out(json(await new AdminClient(values, around.env).json('GET', `${path}/${encodeURIComponent(operands[0]!)}`)));
}

async function listAll(args: readonly string[], around: Surroundings): Promise<void> {
  const { values } = parse(args, connection, { names: [] });
  const keys = await new AdminClient(values, around.env).list(path);
  around.out(values.json === true ? json(keys) : keyTable(keys));
}

async function remove(args: readonly string[], around: Surroundings): Promise<void> {
  const { values, operands } = parse(args, connection, { names: ['ID'] });
  await new AdminClient(values, around.env).admin('DELETE', `${path}/${encodeURIComponent(operands[0]!)}`);
  around.err(`Key ${operands[0]} is revoked: it is refused everywhere within 2 seconds.\n`);
}

const verbs: Readonly<Record<string, (args: readonly string[], around: Surroundings) => Promise<void>>> = {
  list: listAll,
  show,
  create,
  update,
  rotate,
  delete: remove,
};

export const keys: Command = {
  summary: 'keys of callers: list, make, change, rotate, revoke',
  help,
  run: (args, around) => dispatch('keys', verbs, args, around),
};

/** Runs one of a command's verbs. Throws `CliError` for one that does not exist. */
export async function dispatch(
  name: string,
  known: typeof verbs,
  args: readonly string[],
  around: Surroundings,
): Promise<number> {
  const [verb = 'list', ...rest] = args;
  const run = Object.hasOwn(known, verb) ? known[verb] : undefined;
  if (run === undefined) throw new CliError(`postern ${name} has no ${verb}: ${Object.keys(known).join(', ')}.`, 2);
  await run(rest, around);
  return 0;
}
