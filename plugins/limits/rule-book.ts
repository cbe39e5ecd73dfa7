import { createHmac, randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Config } from '../../schemas/config.ts';
import type { Allowance } from '../exchange/exchange.ts';
import { type NamedRule, type RuleSet, RuleWriter, ruleSet } from './rules.ts';

export interface RuleBookOptions {
  readonly limits: Config['limits'];
  readonly budgets: Config['budgets'];
  /** Names of addresses are made with it; the same in all replicas. Absent: of this process alone. */
  readonly salt?: string | undefined;
  /** Hears of every rule before it is first asked for. */
  readonly onRule?: (rule: NamedRule) => void;
}

/** Addresses whose rules are kept at once. */
const addresses = 10_000;
const nobody: readonly NamedRule[] = [];

/** Finds the rules that hold for a call; what is the same for the next call of the same caller is kept. */
export class RuleBook {
  readonly #writer: RuleWriter;
  readonly #onRule: (rule: NamedRule) => void;
  readonly #salt: string | Buffer;
  readonly #perAddress: Config['limits']['per_ip'] | null;
  readonly #everyone: readonly NamedRule[];
  readonly #models = new Map<string, readonly NamedRule[]>();
  /** Patterns without their `*`, the longest first. */
  readonly #patterns: readonly { readonly prefix: string; readonly rules: readonly NamedRule[] }[];
  readonly #allowances = new WeakMap<Allowance, readonly NamedRule[]>();
  readonly #sets = new WeakMap<readonly Allowance[], Map<readonly NamedRule[], RuleSet | null>>();
  readonly #addresses = new LRUCache<string, readonly NamedRule[]>({ max: addresses });

  constructor({ limits, budgets, salt = '', onRule = () => undefined }: RuleBookOptions) {
    this.#writer = new RuleWriter(limits.algorithm);
    this.#onRule = onRule;
    this.#salt = salt === '' ? randomBytes(32) : salt;
    this.#everyone = this.#announced(this.#writer.rules({ kind: 'global', id: '' }, '', limits.global, budgets.global));
    this.#perAddress = Object.keys(limits.per_ip).length === 0 ? null : limits.per_ip;
    for (const [name, rates] of Object.entries(limits.models))
      this.#models.set(name, this.#announced(this.#writer.rules({ kind: 'model', id: name }, name, rates)));
    this.#patterns = [...this.#models]
      .filter(([name]) => name.endsWith('*'))
      .map(([name, rules]) => ({ prefix: name.slice(0, -1), rules }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** Null when no rule holds. `model`: as the caller names it. `ip`: undefined where there is none. */
  find(allowances: readonly Allowance[], model: string, ip: string | undefined): RuleSet | null {
    const set = this.#find(allowances, this.#ofModel(model));
    if (this.#perAddress === null || ip === undefined) return set;
    const own = this.#ofAddress(addressBlock(ip));
    if (set === null) return ruleSet(own);
    return ruleSet([...set.concurrent.map(({ rule }) => rule as NamedRule), ...set.rules, ...own]);
  }

  /** The rules of a key or a team. */
  of(allowance: Allowance): readonly NamedRule[] {
    let rules = this.#allowances.get(allowance);
    if (rules === undefined) {
      rules = this.#announced(this.#writer.allowance(allowance));
      this.#allowances.set(allowance, rules);
    }
    return rules;
  }

  /** The rules that hold for everyone together. */
  get everyone(): readonly NamedRule[] {
    return this.#everyone;
  }

  #find(allowances: readonly Allowance[], ofModel: readonly NamedRule[]): RuleSet | null {
    let sets = this.#sets.get(allowances);
    if (sets === undefined) {
      sets = new Map();
      this.#sets.set(allowances, sets);
    }
    let set = sets.get(ofModel);
    if (set === undefined) {
      const rules = [...allowances.flatMap((each) => this.of(each)), ...ofModel, ...this.#everyone];
      set = rules.length === 0 ? null : ruleSet(rules);
      sets.set(ofModel, set);
    }
    return set;
  }

  #ofModel(model: string): readonly NamedRule[] {
    if (this.#models.size === 0) return nobody;
    return this.#models.get(model) ?? this.#patterns.find(({ prefix }) => model.startsWith(prefix))?.rules ?? nobody;
  }

  #ofAddress(block: string): readonly NamedRule[] {
    let rules = this.#addresses.get(block);
    if (rules === undefined) {
      const id = createHmac('sha256', this.#salt).update(`limits per address\n${block}`).digest('base64url').slice(0, 22);
      rules = this.#announced(this.#writer.rules({ kind: 'ip', id }, '', this.#perAddress!));
      this.#addresses.set(block, rules);
    }
    return rules;
  }

  #announced(rules: readonly NamedRule[]): readonly NamedRule[] {
    for (const rule of rules) this.#onRule(rule);
    return rules;
  }
}

/** Who counts as one caller: an IPv4 address, also where it is written as IPv6, or the first 64 bits of an IPv6 address. */
export function addressBlock(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const mapped = /^(?:0{0,4}:){2,5}(?:ffff:)(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  if (mapped !== null) return mapped[1]!;
  const [head = '', tail] = ip.split('%', 1)[0]!.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  // A dotted end stands for two groups.
  const length = first.length + last.length + (ip.includes('.') ? 1 : 0);
  const whole = [...first, ...new Array<string>(Math.max(0, 8 - length)).fill('0'), ...last];
  const numbers = whole.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${numbers.join(':')}::/64`;
}
