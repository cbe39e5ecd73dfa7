import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** Why a file was not read, as the end of a sentence about it. */
export type ReadFault = { readonly missing: boolean; readonly reason: string };

/**
 * A whole regular file as UTF-8 text (byte order mark dropped), or why not. Judged by its size before it is read, so
 * that a 200 MB file costs nothing; never throws.
 */
export function readText(path: string, maxBytes: number): { text: string } | ReadFault {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    const status = fstatSync(file);
    if (!status.isFile()) return { missing: false, reason: 'is not a regular file' };
    if (status.size > maxBytes) return { missing: false, reason: `has ${status.size} bytes; at most ${maxBytes} are read` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { missing: true, reason: 'does not exist' };
    if (code === 'EACCES' || code === 'EPERM') return { missing: false, reason: 'may not be read by this user' };
    if (code === 'EISDIR') return { missing: false, reason: 'is a directory' };
    if (error instanceof TypeError) return { missing: false, reason: 'is not UTF-8 text' };
    return { missing: false, reason: `cannot be read (${code ?? 'unknown error'})` };
  } finally {
    if (file !== null) closeSync(file);
  }
}
