import type { Leaf, Scalar, Tree } from './tree.ts';

// `${VAR}`, `${VAR:-default}` and `$${` (a literal `${`) in string values.

const expression = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}\n]*))?\}|\$\{/g;
const wellFormed = /\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^{}\n]*)?\}/g;

/** Characters that end an unquoted YAML value, at least inside `{}` and `[]`. */
const structural = '{}[],#:';

/** YAML source whose expressions cannot be mistaken for YAML; same length, so that positions hold. */
export interface Masked {
  readonly text: string;
  /** The original of a value or key of that source. */
  unmask(value: string): string;
}

/**
 * Hides the YAML meaning of the characters of well-formed expressions: `{ key: ${VAR} }` is what people write, and YAML
 * takes its braces for a map. Stand-ins are private-use characters that the text does not contain.
 */
export function mask(text: string): Masked {
  if (!text.includes('${')) return { text, unmask: (value) => value };
  let base = 0xe000;
  const taken = (from: number) => [...structural].some((_, index) => text.includes(String.fromCharCode(from + index)));
  while (base < 0xf8f0 && taken(base)) base += structural.length;
  const hide = (found: string) =>
    found.replace(/[{}[\],#:]/g, (character) => String.fromCharCode(base + structural.indexOf(character)));
  const standIns = new RegExp(`[${String.fromCharCode(base)}-${String.fromCharCode(base + structural.length - 1)}]`, 'g');
  return {
    text: text.replace(wellFormed, hide),
    unmask: (value) => value.replace(standIns, (character) => structural[character.charCodeAt(0) - base]!),
  };
}

/** A scalar as the YAML 1.2 core schema types an unquoted one. */
export function typed(text: string): Scalar {
  if (/^(?:null|Null|NULL|~|)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^0o[0-7]+$/.test(text)) return Number.parseInt(text.slice(2), 8);
  if (/^(?:[-+]?[0-9]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$/.test(text))
    return Number(text);
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return Number.NaN;
  return text;
}

/** How expressions find their values, and who hears about malformed ones. */
export interface Interpolation {
  /** The value of a variable; undefined when it is unset or empty. */
  value(variable: string): string | undefined;
  /** A `${` that is no expression. */
  malformed(origin: string): void;
}

/** A tree with its expressions replaced. A value whose variable is unset becomes an `Unset`. */
export function expand(tree: Tree, interpolation: Interpolation): Tree {
  switch (tree.kind) {
    case 'list':
      return { ...tree, items: tree.items.map((item) => expand(item, interpolation)) };
    case 'map': {
      const entries = new Map<string, Tree>();
      for (const [key, value] of tree.entries) entries.set(key, expand(value, interpolation));
      return { ...tree, entries };
    }
    case 'leaf':
      return expandLeaf(tree, interpolation);
    default:
      return tree;
  }
}

function expandLeaf(leaf: Leaf, { value, malformed }: Interpolation): Tree {
  if (typeof leaf.value !== 'string' || !leaf.value.includes('${')) return leaf;
  let missing: string | null = null;
  let single = false;
  const variables: string[] = [];
  const text = leaf.value.replace(expression, (found: string, variable: string | undefined, fallback: string | undefined) => {
    if (found === '$${') return '${';
    if (variable === undefined) {
      malformed(leaf.origin);
      return found;
    }
    variables.push(variable);
    single = found.length === (leaf.value as string).length;
    const replacement = value(variable) ?? fallback;
    if (replacement === undefined) missing ??= variable;
    return replacement ?? '';
  });
  if (missing !== null) return { kind: 'unset', variable: missing, origin: leaf.origin };
  if (variables.length === 0) return { ...leaf, value: text };
  const origin = `${leaf.origin} via ${variables.map((name) => `\${${name}}`).join(', ')}`;
  return { kind: 'leaf', value: single && leaf.plain === true ? typed(text) : text, origin, text };
}
