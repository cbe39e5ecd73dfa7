import { checkPolicy } from './allowances.ts';
import type { RuleContext } from './context.ts';

/** Checks the policies of `teams`. */
export function checkTeams(context: RuleContext): void {
  for (const [name, team] of Object.entries(context.draft.teams ?? {})) {
    if (team !== undefined) checkPolicy(context, ['teams', name], team);
  }
}
