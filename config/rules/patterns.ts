import type { Path } from '../tree.ts';
import { type RuleContext, report } from './context.ts';

/** Reports a name whose asterisk is not its last character: as a pattern it would match nothing. */
export function checkPattern(context: RuleContext, path: Path, name: string): void {
  const star = name.indexOf('*');
  if (star === -1 || star === name.length - 1) return;
  report(context, path, 'a pattern has its * at the end and nowhere else', 'write for example "openai/*"');
}
