import { type GatewayOptionsBody, gatewayOptions } from '../../schemas/gateway-options.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { RefusalNote } from '../limits/refusal.ts';
import { type Choice, type Decision, figures, type SendNote } from '../router/decision.ts';
import type { Needs } from '../router/needs.ts';
import type { RatesOf } from '../router/restrictions.ts';
import type { TargetGroup } from '../router/types.ts';

// A decision as it is kept: one JSON array without names, in the order that `document.ts` reads. Every call makes one, so it is put
// together as text. Measured (bench/micro/decisions.ts; Node 26.10, two shared cores, warm): 0.8 us with two targets and one send,
// 1.4 us until it is handed to the ledger's thread, 6.1 us with fifty targets; names, which only readers want, would add 4.0 us.

/** What a decision is told of. An exchange, or what one would be. */
export type DecisionSource = Pick<
  Exchange,
  | 'id'
  | 'requestId'
  | 'startedAt'
  | 'startedWall'
  | 'endedAt'
  | 'operation'
  | 'stream'
  | 'model'
  | 'outcome'
  | 'reason'
  | 'status'
  | 'costNano'
> & { readonly principal: { readonly keyId: string | null } };

/** The first value of every record; changes with its order. */
export const recordVersion = 1;

export const bounds = {
  /** Targets shown of one choice. */
  targets: 50,
  choices: 20,
  sends: 50,
  /** Characters, from which on choices come without their targets. */
  characters: 65_536,
  /** Characters of one name that a caller wrote. */
  name: 256,
} as const;

/** Prices change by the day at most; they are looked up this often. Milliseconds. */
const pricesLookedUpEvery = 5_000;
/** Pico-USD per unit of one USD per million. */
const picoPerUsd = 1_000_000;

/** What of a group is the same in every choice. */
interface Fixed {
  readonly head: string;
  readonly targets: readonly string[];
  readonly until: number;
}

const text = (value: string | null): string => (value === null ? 'null' : JSON.stringify(value));

/** At most four decimals; unknown is null. */
export function amount(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return 'null';
  return String(Number.isInteger(value) ? value : Math.round(value * 10_000) / 10_000);
}

/** Milliseconds with two decimals. */
const ms = (value: number | null): string => (value === null ? 'null' : String(Math.round(value * 100) / 100));

function optionsText(options: GatewayOptionsBody): string {
  const shown: Record<string, unknown> = {};
  for (const name of gatewayOptions) {
    const value = options[name];
    if (value == null) continue;
    const short = (each: string): string => each.slice(0, bounds.name);
    shown[name] = typeof value === 'string' ? short(value) : Array.isArray(value) ? value.map(short) : value;
  }
  return JSON.stringify(shown);
}

function needsText({ inputTokens, outputTokens, tools, structuredOutput, input, output }: Needs): string {
  const media = input.length === 0 && output.length === 0 ? '[],[]' : `${JSON.stringify(input)},${JSON.stringify(output)}`;
  return `[${amount(inputTokens)},${amount(outputTokens)},${tools ? 1 : 0},${structuredOutput ? 1 : 0},${media}]`;
}

/**
 * The same text in one piece: V8 keeps what was put together as its pieces, some 4 kB a record for as long as it waits, until a
 * character of it is looked at.
 */
function flat(text: string): string {
  return text.charCodeAt(0) === 0 ? '' : text;
}

/** Writes decisions down. */
export class DecisionRecorder {
  readonly #fixed = new WeakMap<TargetGroup, Fixed>();
  readonly #ratesOf: RatesOf;
  /** As JSON. */
  readonly #configVersion: string;

  constructor(ratesOf: RatesOf, configVersion: string) {
    this.#ratesOf = ratesOf;
    this.#configVersion = JSON.stringify(configVersion);
  }

  /** The decision of an exchange so far, as a JSON array in ASCII or as the names in it are. */
  record(source: DecisionSource, decision: Decision): string {
    const { choices, sends, options, fallback, queued, limit } = decision;
    const { startedAt, endedAt } = source;
    const over = endedAt !== 0;
    let all =
      `[${recordVersion},"${source.id}","${source.requestId}",${source.startedWall},${text(source.principal.keyId)},` +
      `${this.#configVersion},"${source.operation}",${source.stream ? 1 : 0},${text(source.model?.slice(0, bounds.name) ?? null)},` +
      `${choices.length === 0 ? 'null' : needsText(choices[0]!.needs)},${options === null ? 'null' : optionsText(options)},` +
      `${text(fallback)},${ms(queued)},[`;
    const shown = Math.min(choices.length, bounds.choices);
    for (let at = 0; at < shown; at++) {
      if (at > 0) all += ',';
      all += this.#choice(choices[at]!, startedAt, all.length < bounds.characters);
    }
    all += `],${choices.length - shown},[`;
    for (let at = 0; at < sends.length && at < bounds.sends; at++)
      all += at === 0 ? sendText(sends[at]!) : `,${sendText(sends[at]!)}`;
    all += over
      ? `],"${source.outcome}",${text(source.reason)},${source.status},${ms(endedAt - startedAt)},`
      : '],null,null,null,null,';
    all += source.costNano === null ? 'null' : source.costNano;
    // Last, and only where there is one: records of earlier versions have none.
    return flat(limit === null ? `${all}]` : `${all},${limitText(limit)}]`);
  }

  #choice(choice: Choice, startedAt: number, withTargets: boolean): string {
    const { group, excluded, slot } = choice;
    const fixed = this.#fixedOf(group, choice.at);
    const { length } = excluded;
    const shown = withTargets ? Math.min(length, bounds.targets) : 0;
    // The chosen one is always shown.
    const beyond = slot >= shown;
    let targets = '';
    for (let at = 0; at < shown; at++) targets += at === 0 ? targetText(choice, fixed, at) : `,${targetText(choice, fixed, at)}`;
    if (beyond) targets += `${shown === 0 ? '' : ','}${targetText(choice, fixed, slot)}`;
    return (
      `[${ms(choice.at - startedAt)},${fixed.head}"${choice.purpose}",${choice.reason === null ? 'null' : `"${choice.reason}"`},` +
      `${beyond ? shown : slot},${length - shown - (beyond ? 1 : 0)},[${targets}]]`
    );
  }

  #fixedOf(group: TargetGroup, now: number): Fixed {
    const known = this.#fixed.get(group);
    if (known !== undefined && now < known.until) return known;
    const fixed = {
      head: `${text(group.name)},${text(group.strategy)},"${group.cause}",`,
      targets: group.targets.map((target) => {
        const base = this.#ratesOf(target)?.base;
        const [input, output] = [base?.input, base?.output].map((rate) => amount(rate === undefined ? null : rate / picoPerUsd));
        return `[${text(target.id)},${amount(target.weight)},${input},${output},`;
      }),
      until: now + pricesLookedUpEvery,
    };
    this.#fixed.set(group, fixed);
    return fixed;
  }
}

function limitText({ rule, scope, measure, period, limit, left, amount: asked }: RefusalNote): string {
  return `["${rule}","${scope}","${measure}","${period}",${limit},${left},${asked}]`;
}

function targetText(choice: Choice, fixed: Fixed, slot: number): string {
  const why = choice.excluded[slot]!;
  let all = fixed.targets[slot]! + (why === null ? 'null' : `"${why}"`);
  const first = slot * figures.length;
  for (let at = first; at < first + figures.length; at++) all += `,${amount(choice.figures[at])}`;
  return `${all}]`;
}

function sendText(send: SendNote): string {
  const { candidate, purpose, credential, outcome, reason } = send;
  return (
    `[${send.row},${text(candidate.target.id)},"${purpose}",${text(credential)},${ms(send.at)},${ms(send.firstByte)},` +
    `${ms(send.firstContent)},${ms(send.ended)},${text(outcome)},${text(reason)}]`
  );
}
