import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const text =
  'Keys were made through the admin API. While this file is here, calls need one even if the store that keeps them was emptied.\n';

/**
 * A file that says: keys were made here. Documents that replicas share can be lost as a whole, and a gateway that then starts must not
 * take itself for one that never had a key.
 */
export class MadeMarker {
  readonly #path: string;
  #written: boolean;

  /** `dataDir`: where the file is. */
  constructor(dataDir: string) {
    this.#path = join(resolve(dataDir), 'keys-made');
    this.#written = existsSync(this.#path);
  }

  get isSet(): boolean {
    return this.#written;
  }

  /** Waits for the disk, once. Throws what the disk says. */
  set(): void {
    if (this.#written) return;
    mkdirSync(resolve(this.#path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(this.#path, text, { mode: 0o600, flush: true });
    this.#written = true;
  }
}
