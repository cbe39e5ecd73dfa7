import type { ImageSize } from '../../providers/tokens.ts';
import type { Base64Source } from './reserve-base64.ts';

// Width and height of an image from its head: PNG (W3C PNG, 11.2.1), GIF89a (18), WebP (RFC 9649, 2), JPEG (ITU-T T.81, B.2.2).

/** Segments of a JPEG that are passed over before its frame. */
const segments = 64;

/** Null where the head is of no known form, or is not whole. */
export function imageSize(source: Base64Source): ImageSize | null {
  const head = source.read(0, 32);
  if (head.length < 12) return null;
  const size = png(head) ?? gif(head) ?? webp(head) ?? jpeg(head, source);
  return size === null || size.width === 0 || size.height === 0 ? null : size;
}

function png(head: Buffer): ImageSize | null {
  if (head.readUInt32BE(0) !== 0x89504e47 || head.length < 24) return null;
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

function gif(head: Buffer): ImageSize | null {
  if (head.toString('latin1', 0, 4) !== 'GIF8') return null;
  return { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
}

function webp(head: Buffer): ImageSize | null {
  if (head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WEBP' || head.length < 30) return null;
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    case 'VP8L': {
      const bits = head.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    default:
      return null;
  }
}

function jpeg(head: Buffer, source: Base64Source): ImageSize | null {
  if (head.readUInt16BE(0) !== 0xffd8) return null;
  let at = 2;
  for (let passed = 0; passed < segments; passed++) {
    const segment = source.read(at, at + 9);
    if (segment.length < 9 || segment[0] !== 0xff) return null;
    const marker = segment[1]!;
    // Bytes 0xff may fill up the space before a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (frame) return { width: segment.readUInt16BE(7), height: segment.readUInt16BE(5) };
    const length = segment.readUInt16BE(2);
    if (length < 2 || marker === 0xda) return null;
    at += 2 + length;
  }
  return null;
}
