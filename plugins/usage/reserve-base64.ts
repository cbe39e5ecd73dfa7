/** Base64 by the place of its bytes: as decoded, [from, to) of what it stands for; shorter where it ends. */
export class Base64Source {
  /** Bytes it stands for, about. */
  readonly length: number;
  readonly #text: string | null;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(text: string | null, bytes: Buffer, start: number, end: number) {
    this.#text = text;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.length = Math.max(0, Math.floor(((end - start) * 3) / 4));
  }

  read(from: number, to: number): Buffer {
    const first = Math.floor(from / 3);
    const start = this.#start + first * 4;
    const end = Math.min(this.#end, this.#start + Math.ceil(to / 3) * 4);
    if (start >= end) return Buffer.alloc(0);
    const piece = this.#text === null ? this.#bytes.toString('latin1', start, end) : this.#text.slice(start, end);
    return Buffer.from(piece, 'base64').subarray(from - first * 3, to - first * 3);
  }
}
