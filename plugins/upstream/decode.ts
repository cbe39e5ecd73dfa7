import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

// An upstream may compress although it was not asked to. Each chunk is flushed as it comes, so events do not wait.

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip({ flush: constants.Z_SYNC_FLUSH }),
  'x-gzip': () => createGunzip({ flush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ flush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdDecompress({ flush: constants.ZSTD_e_flush }),
};

/** `null`: nothing to decode. `undefined`: an encoding not taken, or several on top of each other (a decompression chain). */
export function decoderFor(encoding: string | string[] | undefined): Transform | null | undefined {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return null;
  const name = typeof encoding === 'string' ? encoding.trim().toLowerCase() : '';
  return Object.hasOwn(decoders, name) ? decoders[name]!() : undefined;
}
