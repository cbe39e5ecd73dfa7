import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRoot } from '../config/root.ts';

/** Version of the package. */
export const version: string = JSON.parse(readFileSync(join(findRoot(), 'package.json'), 'utf8')).version;
