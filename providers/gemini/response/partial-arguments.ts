import { isObject, protocolError } from '../../wire/json.ts';

/** Bounds of what pieces of arguments may build. */
const MAX_STEPS = 64;
const MAX_PIECES = 100_000;
/** An array is filled in order; a piece beyond this many after the last is no piece of it. */
const MAX_GAP = 64;

type Node = Record<string, unknown> | unknown[];

/**
 * Arguments of a function that come in pieces (`partialArgs`, asked for with `streamFunctionCallArguments`): each names a place
 * by a JSON path (`$.items[0].name`) and a value, a text possibly one piece of many.
 */
export class PartialArguments {
  readonly #root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  /** The text that is open: a piece of the same place continues it. */
  #open: string | null = null;
  #pieces = 0;

  /** Throws `TranslationError` for a piece that has no place. */
  add(piece: unknown): void {
    if (!isObject(piece) || ++this.#pieces > MAX_PIECES)
      protocolError('The provider sent a piece of arguments that cannot be read.');
    const path = piece.jsonPath ?? piece.json_path;
    if (typeof path !== 'string') protocolError('The provider sent a piece of arguments without a place.');
    const text = piece.stringValue ?? piece.string_value;
    const continues = (piece.willContinue ?? piece.will_continue) === true;
    this.#put(stepsOf(path), typeof text === 'string' ? text : valueIn(piece), typeof text === 'string' && this.#open === path);
    this.#open = continues ? path : null;
  }

  /** As JSON text. */
  text(): string {
    return JSON.stringify(this.#root);
  }

  #put(steps: readonly (string | number)[], value: unknown, append: boolean): void {
    let node: Node = this.#root;
    for (const [at, step] of steps.entries()) {
      const last = at === steps.length - 1;
      const before: unknown = read(node, step);
      if (last) {
        write(node, step, append && typeof before === 'string' ? before + String(value) : value);
        return;
      }
      let next: Node;
      if (typeof before === 'object' && before !== null) next = before as Node;
      else {
        next = typeof steps[at + 1] === 'number' ? [] : (Object.create(null) as Record<string, unknown>);
        write(node, step, next);
      }
      node = next;
    }
  }
}

function valueIn(piece: Readonly<Record<string, unknown>>): unknown {
  const number = piece.numberValue ?? piece.number_value;
  const flag = piece.boolValue ?? piece.bool_value;
  return typeof number === 'number' || typeof number === 'string' ? Number(number) : typeof flag === 'boolean' ? flag : null;
}

function read(node: Node, step: string | number): unknown {
  if (Array.isArray(node)) return typeof step === 'number' ? node[step] : undefined;
  return node[step];
}

function write(node: Node, step: string | number, value: unknown): void {
  if (Array.isArray(node)) {
    if (typeof step !== 'number' || step > node.length + MAX_GAP)
      protocolError('The provider sent a piece of arguments out of place.');
    while (node.length < step) node.push(null);
    node[step] = value;
  } else node[step] = value;
}

/** RFC 9535 as far as it is sent: names behind dots, names in quotes and numbers in brackets. */
function stepsOf(path: string): (string | number)[] {
  const steps: (string | number)[] = [];
  const step = /\.([^.[\]]+)|\[(\d{1,6})\]|\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\]/y;
  let at = path.startsWith('$') ? 1 : 0;
  while (at < path.length) {
    step.lastIndex = at;
    const found = step.exec(path);
    if (found === null || steps.length >= MAX_STEPS)
      return protocolError('The provider sent a piece of arguments without a place.');
    const [whole, name, index, single, double] = found;
    steps.push(index !== undefined ? Number(index) : (name ?? (single ?? double ?? '').replace(/\\(.)/g, '$1')));
    at += whole.length;
  }
  return steps.length > 0 ? steps : protocolError('The provider sent a piece of arguments without a place.');
}
