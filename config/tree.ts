// The configuration between its text and its snapshot: values that still know where they came from.

export type Scalar = string | number | boolean | null;

export interface Leaf {
  readonly kind: 'leaf';
  readonly value: Scalar;
  readonly origin: string;
  /** An unquoted YAML scalar. */
  readonly plain?: boolean;
  /** The characters behind `value` where the environment supplied them; never to be shown. */
  readonly text?: string;
}
/** A value that needs an environment variable which is not set. A problem only if no higher layer replaces it. */
export interface Unset {
  readonly kind: 'unset';
  readonly variable: string;
  readonly origin: string;
}
/** A key that a `null` took out. Remembered so that an unknown or a required key is still noticed. */
export interface Removed {
  readonly kind: 'removed';
  readonly origin: string;
}
export interface ListTree {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  readonly origin: string;
}
export interface MapTree {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Tree>;
  readonly origin: string;
}
export type Tree = Leaf | Unset | Removed | ListTree | MapTree;

export type Path = readonly (string | number)[];

/** `providers.openai.api_key`, `models["gpt-5.4"].targets[0].model`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z0-9_-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

export function emptyMap(origin: string): MapTree {
  return { kind: 'map', entries: new Map(), origin };
}

/** `higher` over `lower`: maps merge key by key, everything else replaces, `null` removes. Changes neither. */
export function merge(lower: MapTree, higher: MapTree): MapTree {
  const entries = new Map(lower.entries);
  for (const [key, value] of higher.entries) {
    const below = entries.get(key);
    if (value.kind === 'map') entries.set(key, merge(below?.kind === 'map' ? below : emptyMap(value.origin), value));
    else entries.set(key, settle(value));
  }
  return { kind: 'map', entries, origin: higher.origin };
}

/** Turns `null` entries into removals, also inside list items; a `null` item of a list stays. */
function settle(tree: Tree): Tree {
  if (tree.kind === 'leaf' && tree.value === null) return { kind: 'removed', origin: tree.origin };
  if (tree.kind !== 'list') return tree;
  const items = tree.items.map((item) =>
    item.kind === 'map' ? merge(emptyMap(item.origin), item) : item.kind === 'list' ? settle(item) : item,
  );
  return { ...tree, items };
}

/** A tree from a plain value; `undefined` members are left out. Anything that is not data becomes its type's name. */
export function fromValue(value: unknown, origin: string): Tree {
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => fromValue(item, origin)), origin };
  if (typeof value === 'object' && value !== null) {
    const entries = new Map<string, Tree>();
    for (const [key, member] of Object.entries(value)) if (member !== undefined) entries.set(key, fromValue(member, origin));
    return { kind: 'map', entries, origin };
  }
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
  return { kind: 'leaf', value: scalar ? value : typeof value, origin };
}

/** A map with one value deep inside, for a layer made of single settings. */
export function nest(path: readonly string[], leaf: Tree): MapTree {
  let tree: Tree = leaf;
  for (const key of path.toReversed()) tree = { kind: 'map', entries: new Map([[key, tree]]), origin: leaf.origin };
  return tree as MapTree;
}

/** The tree at a path of map keys, if it is there. */
export function lookup(tree: Tree, path: readonly string[]): Tree | undefined {
  let at: Tree | undefined = tree;
  for (const key of path) at = at?.kind === 'map' ? at.entries.get(key) : undefined;
  return at;
}
