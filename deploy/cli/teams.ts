import { AdminClient, connection, connectionHelp } from './admin-client.ts';
import { allowance, allowanceHelp, allowanceOptions, allowanceText, without } from './allowance.ts';
import { type Command, parse, type Surroundings, text } from './command.ts';
import { change, dispatch } from './keys.ts';
import { json, table } from './table.ts';

const path = '/admin/v1/teams';

const help = `Usage: postern teams list
       postern teams show ID
       postern teams create NAME [options]
       postern teams update ID [options]
       postern teams delete ID

Groups of keys. Limits and budgets of a team hold for all its keys together.

${allowanceHelp}
  --unlimited            no limits and no budgets of its own (update)
  --name NAME            another name (update)
${connectionHelp}
`;

type Entry = Readonly<Record<string, unknown>>;
const changes = { ...connection, ...allowanceOptions } as const;

const list = (teams: readonly Entry[]): string =>
  table(
    ['ID', 'NAME', 'MODELS', 'LIMITS'],
    teams.map((team) => [
      String(team.id),
      String(team.name),
      (team.models as string[] | null)?.join(',') ?? null,
      allowanceText(team),
    ]),
  );

async function create(args: readonly string[], around: Surroundings): Promise<void> {
  const { values, operands } = parse(args, changes, { names: ['NAME'] });
  const made = await new AdminClient(values, around.env).json('POST', path, { name: operands[0], ...allowance(values) });
  around.out(values.json === true ? json(made) : list([made as Entry]));
}

async function update(args: readonly string[], around: Surroundings): Promise<void> {
  const { values, operands } = parse(args, { ...changes, name: { type: 'string' } }, { names: ['ID'] });
  const wanted = { ...allowance(values), ...without({ name: text(values, 'name') }) };
  const at = `${path}/${encodeURIComponent(operands[0]!)}`;
  const changed = await change(new AdminClient(values, around.env), at, wanted);
  around.out(values.json === true ? json(changed) : list([changed]));
}

async function show(args: readonly string[], around: Surroundings): Promise<void> {
  const { values, operands } = parse(args, connection, { names: ['ID'] });
  around.out(json(await new AdminClient(values, around.env).json('GET', `${path}/${encodeURIComponent(operands[0]!)}`)));
}

async function listAll(args: readonly string[], around: Surroundings): Promise<void> {
  const { values } = parse(args, connection, { names: [] });
  const teams = await new AdminClient(values, around.env).list(path);
  around.out(values.json === true ? json(teams) : list(teams));
}

async function remove(args: readonly string[], around: Surroundings): Promise<void> {
  const { values, operands } = parse(args, connection, { names: ['ID'] });
  await new AdminClient(values, around.env).admin('DELETE', `${path}/${encodeURIComponent(operands[0]!)}`);
  around.err(`Team ${operands[0]} is gone.\n`);
}

export const teams: Command = {
  summary: 'groups of keys with limits of their own',
  help,
  run: (args, around) => dispatch('teams', { list: listAll, show, create, update, delete: remove }, args, around),
};
