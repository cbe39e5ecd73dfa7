/** Largest content copied out by `take`; a larger one is handed over together with its memory. */
const COPY_LIMIT = 65_536;

/** A growing run of bytes: appending n bytes in any number of pieces costs O(n). */
export class ByteStore {
  length = 0;
  #bytes: Buffer = Buffer.alloc(0);

  /** Copies `source[start, end)` to the end. */
  append(source: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    source.copy(this.#bytes, this.length, start, end);
    this.length += end - start;
  }

  appendByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = byte;
  }

  /** The bytes as a buffer of their own; the store is empty afterwards. */
  take(): Buffer {
    const content = this.#bytes.subarray(0, this.length);
    if (this.length <= COPY_LIMIT) {
      this.length = 0;
      return Buffer.from(content);
    }
    this.clear();
    return content;
  }

  /** First byte, undefined when empty. */
  first(): number | undefined {
    return this.length === 0 ? undefined : this.#bytes[0];
  }

  clear(): void {
    this.#bytes = Buffer.alloc(0);
    this.length = 0;
  }

  #reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2, 512));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}
