import { text } from './tree.ts';

export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

export interface Stage {
  readonly base: string;
  readonly name: string;
  readonly instructions: Instruction[];
}

/** The Dockerfile: what stands before its first stage, and the stages. Comments are left out, continued lines joined. */
function readDockerfile(): { readonly globals: Instruction[]; readonly stages: Stage[] } {
  const lines = text('Dockerfile')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  const globals: Instruction[] = [];
  const stages: Stage[] = [];
  for (const line of lines.filter((each) => each.trim() !== '')) {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    const [, base = '', as = ''] = /^(\S+) AS (\S+)$/.exec(rest) ?? [];
    if (name === 'FROM') stages.push({ base, name: as, instructions: [] });
    else (stages.at(-1)?.instructions ?? globals).push({ name, rest });
  }
  return { globals, stages };
}

export const { globals, stages } = readDockerfile();

/** What `docker build` makes when no target is named. */
export const runtime = stages.at(-1)!;

export function stage(name: string): Stage {
  const found = stages.find((each) => each.name === name);
  if (found === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
  return found;
}

/** Arguments of every such instruction of a stage and of the stages below it, the lowest first. */
export function all({ base, instructions }: Stage, name: string): string[] {
  const below = stages.find((each) => each.name === base);
  return [
    ...(below === undefined ? [] : all(below, name)),
    ...instructions.filter((each) => each.name === name).map(({ rest }) => rest),
  ];
}

/** Variables that a container of that stage starts with. */
export function environment(of: Stage): Record<string, string> {
  const pairs = all(of, 'ENV').flatMap((rest) => rest.split(' ').map((pair) => pair.split('=')));
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, value]));
}
