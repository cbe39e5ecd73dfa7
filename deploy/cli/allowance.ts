import { parseDuration } from '../../config/units.ts';
import { periods } from '../../schemas/limits-config.ts';
import { CliError, count, text, texts, type Values } from './command.ts';

// Options that keys and teams share, as members of the body that the admin API takes.

export const allowanceOptions = {
  model: { type: 'string', multiple: true },
  provider: { type: 'string', multiple: true },
  rpm: { type: 'string' },
  tpm: { type: 'string' },
  rpd: { type: 'string' },
  tpd: { type: 'string' },
  concurrent: { type: 'string' },
  budget: { type: 'string', multiple: true },
  metadata: { type: 'string', multiple: true },
  unlimited: { type: 'boolean' },
} as const;

export const allowanceHelp = `  --model NAME           model name or pattern it may use; several times; default: all
  --provider NAME        provider it may use; several times; default: all
  --rpm N  --tpm N       requests, tokens a minute (600, 50k, 2m)
  --rpd N  --tpd N       requests, tokens a day
  --concurrent N         calls under way at once
  --budget AMOUNT/PERIOD what may be spent: 25usd/month, 1m tokens/day as 1mtokens/day, 500requests/hour;
                         hour, day, week, month or total; several times; an update replaces all of them
  --metadata NAME=VALUE  label, stored with each call; several times`;

const rates = {
  rpm: 'requests_per_minute',
  tpm: 'tokens_per_minute',
  rpd: 'requests_per_day',
  tpd: 'tokens_per_day',
  concurrent: 'concurrent_requests',
} as const;

/** One budget as written: `25usd/month`. Throws `CliError`. */
export function budget(written: string): Record<string, number | string> {
  const [, amount = '', factor = '', unit = '', period = ''] =
    /^\$?(\d+(?:\.\d+)?)\s*([km]?)\s*(usd|tokens?|requests?|)\/([a-z]+)$/i.exec(written) ?? [];
  const measure = { usd: 'amount_usd', token: 'tokens', request: 'requests', '': written.startsWith('$') ? 'amount_usd' : '' }[
    unit.toLowerCase().replace(/s$/, '')
  ];
  if (!measure || !(periods as readonly string[]).includes(period)) {
    throw new CliError(`--budget takes an amount and a period such as 25usd/month or 500requests/hour, not ${written}.`, 2);
  }
  const value = Number(amount) * ({ k: 1_000, m: 1_000_000 }[factor.toLowerCase()] ?? 1);
  if (measure !== 'amount_usd' && !Number.isSafeInteger(value)) throw new CliError(`--budget ${written} is no whole number.`, 2);
  return { [measure]: value, period };
}

export function labels(values: Values): Record<string, string> | undefined {
  const pairs = texts(values, 'metadata')?.map((pair): [string, string] => {
    const at = pair.indexOf('=');
    if (at < 1) throw new CliError(`--metadata takes NAME=VALUE, not ${pair}.`, 2);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return pairs === undefined ? undefined : Object.fromEntries(pairs);
}

/** Members of a body; those that were not given are left out. */
export function allowance(values: Values): Record<string, unknown> {
  const limits = Object.entries(rates).flatMap(([option, member]) => {
    const limit = count(values, option);
    return limit === undefined ? [] : [[member, limit] as const];
  });
  const budgets = texts(values, 'budget')?.map(budget);
  const all = values.unlimited === true;
  if (all && (limits.length > 0 || budgets !== undefined)) throw new CliError('--unlimited stands beside limits or budgets.', 2);
  return without({
    models: texts(values, 'model'),
    providers: texts(values, 'provider'),
    rate_limits: all ? {} : limits.length === 0 ? undefined : Object.fromEntries(limits),
    budgets: all ? [] : budgets,
    metadata: labels(values),
  });
}

/** A change in which the rates that it does not name are those of before: the admin API replaces them all. `--unlimited` names none. */
export function withRates(wanted: Entry, before: Entry | null | undefined): Entry {
  const given = wanted.rate_limits as Entry | undefined;
  if (given === undefined || Object.keys(given).length === 0) return wanted;
  return { ...wanted, rate_limits: { ...before, ...given } };
}

/** Unix seconds of `30d` from now, a day or a time; null for `never`. Throws `CliError`. */
export function expiry(values: Values, now: number): number | null | undefined {
  const written = text(values, 'expires');
  if (written === undefined) return undefined;
  if (written === 'never') return null;
  const days = /^(\d{1,5})d$/.exec(written)?.[1];
  const ms = days === undefined ? parseDuration(written) : Number(days) * 86_400_000;
  if (typeof ms === 'number' && ms > 0) return Math.floor((now + ms) / 1000);
  const at = /^\d{4}-\d{2}-\d{2}(T[\d:]+Z)?$/.test(written) ? Date.parse(written) : Number.NaN;
  if (Number.isNaN(at)) throw new CliError(`--expires takes 30d, 2026-12-31 or never, not ${written}.`, 2);
  return Math.floor(at / 1000);
}

export function without(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

type Entry = Readonly<Record<string, unknown>>;

/** Limits and budgets of an entry in a few words; null for none. */
export function allowanceText({ rate_limits, budgets }: Entry): string | null {
  const limits = Object.entries(rates).flatMap(([option, member]) => {
    const limit = (rate_limits as Entry | null | undefined)?.[member];
    return limit === undefined || limit === null ? [] : [`${limit} ${option}`];
  });
  const amounts = ((budgets ?? []) as Entry[]).map(({ amount_usd, tokens, requests, period }) => {
    const amount = amount_usd != null ? `$${amount_usd}` : tokens != null ? `${tokens} tokens` : `${requests} requests`;
    return `${amount}/${period}`;
  });
  return [...limits, ...amounts].join(', ') || null;
}
