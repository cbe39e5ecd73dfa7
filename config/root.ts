import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Directory of the project: the nearest one at or above `from` that holds a package.json. The same from the sources
 * (`config/`) and from the build (`dist/config/`). Throws when there is none.
 */
export function findRoot(from: string = import.meta.dirname): string {
  for (let directory = from; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return directory;
    if (dirname(directory) === directory) throw new Error(`no package.json at or above ${from}: the installation is incomplete`);
  }
}
