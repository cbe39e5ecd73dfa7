import { suggestion } from '../nearest.ts';
import { checkPolicy } from './allowances.ts';
import { originOf, type RuleContext, report, shownName } from './context.ts';

/** What the id of a key or a team may be made of: it stands in paths of the admin API, logs and the ledger. */
const shortEnough = 128;

/** Checks teams, times and policies of `keys`. `now`: unix milliseconds. */
export function checkKeys(context: RuleContext, now = Date.now()): void {
  const { keys = {}, teams = {} } = context.draft;
  for (const [name, key] of Object.entries(keys)) {
    if (key === undefined) continue;
    const path = ['keys', name];
    if (name.length > shortEnough)
      report(context, path, 'the name of a key is too long', `use at most ${shortEnough} characters`);
    if (key.team !== undefined && !Object.hasOwn(teams, key.team)) {
      const shown = shownName(context, [...path, 'team'], key.team);
      const hint = suggestion(key.team, Object.keys(teams), 'add it to teams, or remove the line');
      report(context, [...path, 'team'], `there is no team ${shown}`, hint);
    }
    if (key.expires_at !== undefined && Date.parse(key.expires_at) <= now) {
      context.findings.warnings.push(
        `keys.${name}.expires_at is over (${originOf(context.origins, [...path, 'expires_at'])}): the key is not taken; remove it, or give it more time`,
      );
    }
    checkPolicy(context, path, key);
  }
}
