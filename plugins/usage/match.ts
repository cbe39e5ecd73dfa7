import type { MatchLogic } from '@pydantic/genai-prices';

// Which entry of the built-in price data a model id belongs to. The data matches many entries by prefix, and a prefix also
// matches the next model of the family (`x-5` is a prefix of `x-5-5`, which costs something else), so a partial match
// counts only when what is left over cannot be another model: a date, `latest`, a version tag.

const date = '\\d{4}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\\d|3[01])';
const shortDate = '(?:0[1-9]|1[0-2])-(?:[0-3]\\d|\\d{4})';
/** `0613`, `2411`: month and day, or year and month. */
const fourDigits = '\\d{4}';
const version = '00\\d|v\\d{1,2}(?:\\.\\d{1,2})?(?::\\d{1,2})?|latest|default';
const harmlessTail = new RegExp(`^(?:[-@](?:${date}|${shortDate}|${fourDigits}|${version}))*(?::\\d{1,2})?$`);
/** A fine-tuned model: its base, then whose it is. */
const fineTuned = /^(ft:[^:]*):[^/]*$/;
/** `models/`, `publishers/x/models/`, `us.vendor.`: where the model is, not which it is. */
const harmlessHead = /^(?:[^/]+\/)*(?:[a-z-]+\.){0,2}$/;

function harmless(id: string, start: number, length: number): boolean {
  if (start > 0 && !harmlessHead.test(id.slice(0, start))) return false;
  const end = start + length;
  const whole = id.replace(fineTuned, '$1');
  if (harmlessTail.test(whole.slice(end))) return true;
  // A prefix may itself end inside the tail: `x-2024-`, `x-0`.
  const inside = /[-@][\d-]*$/.exec(id.slice(start, end));
  return inside !== null && end < whole.length && harmlessTail.test(whole.slice(start + inside.index));
}

/** `id` is the model this clause of the data describes, and not a relative of it. Letter case does not matter. */
export function describes(clause: MatchLogic, id: string): boolean {
  const text = id.toLowerCase();
  if ('or' in clause) return clause.or.some((inner) => describes(inner, text));
  if ('and' in clause) return clause.and.every((inner) => describes(inner, text));
  if ('equals' in clause) return text === clause.equals.toLowerCase();
  if ('starts_with' in clause) {
    const part = clause.starts_with.toLowerCase();
    return text.startsWith(part) && harmless(text, 0, part.length);
  }
  if ('ends_with' in clause) {
    const part = clause.ends_with.toLowerCase();
    return text.endsWith(part) && harmless(text, text.length - part.length, part.length);
  }
  if ('contains' in clause) {
    const part = clause.contains.toLowerCase();
    const at = text.indexOf(part);
    return at !== -1 && harmless(text, at, part.length);
  }
  if ('regex' in clause) {
    const found = new RegExp(clause.regex).exec(text);
    // An empty match is a condition on the whole id (a lookahead), not a part of it.
    return found !== null && (found[0] === '' || harmless(text, found.index, found[0].length));
  }
  return false;
}
