/** Says what is wrong with a value as `path: text`, or null. */
export type Check = (value: unknown, path: string) => string | null;

type Fields = Readonly<Record<string, Check>>;

export const text: Check = (value, path) => (typeof value === 'string' ? null : `${path}: Input should be a valid string`);
export const flag: Check = (value, path) => (typeof value === 'boolean' ? null : `${path}: Input should be a valid boolean`);
export const anything: Check = () => null;
export const dictionary: Check = (value, path) => (isObject(value) ? null : `${path}: Input should be a valid dictionary`);

/** The one check here with its own wording: the API says `range: 0..1`. */
export const share: Check = (value, path) => {
  if (typeof value !== 'number') return `${path}: Input should be a valid number`;
  return value >= 0 && value <= 1 ? null : `${path}: range: 0..1`;
};

export function integer(least: number): Check {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) return `${path}: Input should be a valid integer`;
    return value >= least ? null : `${path}: Input should be greater than or equal to ${least}`;
  };
}

export function nullable(check: Check): Check {
  return (value, path) => (value === null ? null : check(value, path));
}

export function pattern(expression: RegExp): Check {
  return (value, path) => {
    if (typeof value !== 'string') return `${path}: Input should be a valid string`;
    return expression.test(value) ? null : `${path}: String should match pattern '${expression.source}'`;
  };
}

export function longest(limit: number): Check {
  return (value, path) => {
    if (typeof value !== 'string') return `${path}: Input should be a valid string`;
    return value.length <= limit ? null : `${path}: String should have at most ${limit} characters`;
  };
}

export function oneOf(...values: readonly string[]): Check {
  const listed = values.map((value) => `'${value}'`);
  const shown = listed.length < 2 ? listed[0] : `${listed.slice(0, -1).join(', ')} or ${listed.at(-1)}`;
  return (value, path) => (typeof value === 'string' && values.includes(value) ? null : `${path}: Input should be ${shown}`);
}

export function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return `${path}: Input should be a valid list`;
    return firstOf(value.map((item, index) => () => check(item, `${path}.${index}`)));
  };
}

/** Text, or a list of what `check` takes. */
export function textOr(check: Check): Check {
  const list = listOf(check);
  return (value, path) => (typeof value === 'string' ? null : list(value, path));
}

/** A dictionary with these fields and no others. `tag` names the member that chose it and is not checked again. */
export function fields(required: Fields, optional: Fields = {}, tag?: string): Check {
  return (value, path) => {
    if (!isObject(value)) return `${path}: Input should be a valid dictionary or object to extract fields from`;
    for (const [name, check] of Object.entries(required)) {
      if (!Object.hasOwn(value, name)) return `${path}.${name}: Field required`;
      const wrong = check(value[name], `${path}.${name}`);
      if (wrong !== null) return wrong;
    }
    for (const [name, member] of Object.entries(value)) {
      if (name === tag || Object.hasOwn(required, name)) continue;
      if (!Object.hasOwn(optional, name)) return `${path}.${name}: Extra inputs are not permitted`;
      const wrong = optional[name]!(member, `${path}.${name}`);
      if (wrong !== null) return wrong;
    }
    return null;
  };
}

/** A dictionary whose `type` says which fields it has; the type becomes part of the path. */
export function tagged(variants: Fields, otherwise?: string): Check {
  return (value, path) => {
    if (!isObject(value)) return `${path}: Input should be a valid dictionary or object to extract fields from`;
    const tag = value.type ?? otherwise;
    if (tag === undefined) return `${path}.type: Field required`;
    const variant = typeof tag === 'string' && Object.hasOwn(variants, tag) ? variants[tag] : undefined;
    if (variant !== undefined) return variant(value, `${path}.${tag as string}`);
    const listed = Object.keys(variants).map((name) => `'${name}'`);
    return `${path}: Input tag '${String(tag)}' found using 'type' does not match any of the expected tags: ${listed.join(', ')}`;
  };
}

export function firstOf(checks: readonly (() => string | null)[]): string | null {
  for (const check of checks) {
    const wrong = check();
    if (wrong !== null) return wrong;
  }
  return null;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
