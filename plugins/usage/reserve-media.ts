import type { CallBody } from '../../providers/provider.ts';
import type { ImageSize } from '../../providers/tokens.ts';
import { Base64Source } from './reserve-base64.ts';
import { imageSize } from './reserve-image.ts';

// What an image, sound or document of a request amounts to, read from its head: the rest of its base64 is never decoded.

export interface Medium {
  readonly kind: 'image' | 'audio' | 'video' | 'document' | 'text';
  /** Null where only the provider sees it (an address, a stored file), or its head says nothing. */
  readonly size: ImageSize | null;
  readonly detail: string | null;
  /** Of sound or video; null: not known. */
  readonly seconds: number | null;
  /** Of a document; null: not known. */
  readonly pages: number | null;
  /** Bytes of it; 0: not known. */
  readonly bytes: number;
}

/** Bytes of a document's head and tail that are searched for its number of pages. */
const searched = 262_144;
/** Bytes a page has at most where the document does not say how many there are, and bytes it rarely exceeds where it does. */
const smallPage = 12_000;
const largePage = 400_000;
/** Bytes of a second of sound where its head does not say: 24 kbit/s. */
const soundSecond = 3_000;
const videoSecond = 30_000;

/** `kind`: '' is found out. `source`: a data URL, base64, an address, or what stands for any of them that was cut out. */
export function mediumOf(kind: Medium['kind'] | '', source: string, body: CallBody, detail: string | null): Medium {
  const data = dataOf(source, body);
  const head = data?.source.read(0, 64) ?? Buffer.alloc(0);
  const found = kind === '' || kind === 'image' ? (kindOf(data?.type ?? '', head) ?? (kind === '' ? 'document' : kind)) : kind;
  const bytes = data?.source.length ?? 0;
  const medium: Medium = { kind: found, size: null, detail, seconds: null, pages: null, bytes };
  if (data === null || bytes === 0) return medium;
  if (found === 'image') return { ...medium, size: imageSize(data.source) };
  if (found === 'audio') return { ...medium, seconds: soundSeconds(head, bytes) };
  if (found === 'video') return { ...medium, seconds: bytes / videoSecond };
  return found === 'document' ? { ...medium, pages: pagesOf(data.source, head) } : medium;
}

function dataOf(source: string, body: CallBody): { readonly type: string; readonly source: Base64Source } | null {
  const cut = body.cut?.get(source);
  const shown =
    cut === undefined ? source.slice(0, 256) : body.bytes.toString('latin1', cut.start, Math.min(cut.end, cut.start + 256));
  const comma = shown.startsWith('data:') ? shown.indexOf(',') : -1;
  if (comma === -1 && (/^[a-z][a-z0-9+.-]*:/i.test(shown) || source.length < 64)) return null;
  const type = comma === -1 ? '' : shown.slice(5, comma).toLowerCase();
  const from = comma + 1;
  if (cut !== undefined) return { type, source: new Base64Source(null, body.bytes, cut.start + from, cut.end) };
  return { type, source: new Base64Source(source, body.bytes, from, source.length) };
}

/** By its first bytes, else by the type it is said to have. */
function kindOf(type: string, head: Buffer): Medium['kind'] | null {
  const start = head.toString('latin1', 0, 12);
  if (start.startsWith('%PDF')) return 'document';
  if (/^(?:\x89PNG|\xff\xd8\xff|GIF8)/.test(start) || (start.startsWith('RIFF') && start.endsWith('WEBP'))) return 'image';
  if (type.startsWith('image/')) return 'image';
  if (type.startsWith('audio/')) return 'audio';
  if (type.startsWith('video/')) return 'video';
  return type.startsWith('text/') || type.startsWith('application/json') ? 'text' : null;
}

/** kbit/s of MPEG 1 layer 3 by the index in the frame's head, and of MPEG 2. */
const rates1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const rates2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/** WAV says its bytes per second (ISO/IEC or not, at 28), a frame of MPEG audio its bit rate (ISO/IEC 11172-3, 2.4.1.3). */
function soundSeconds(head: Buffer, bytes: number): number {
  if (head.length >= 32 && head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WAVE') {
    const rate = head.readUInt32LE(28);
    if (rate > 0) return bytes / rate;
  }
  if (head.length >= 4 && head[0] === 0xff && (head[1]! & 0xe6) === 0xe2) {
    const rate = ((head[1]! & 0x08) === 0 ? rates2 : rates1)[head[2]! >> 4] ?? 0;
    if (rate > 0) return (bytes * 8) / (rate * 1000);
  }
  return bytes / soundSecond;
}

/** Pages as the document's page tree says (ISO 32000-1, 7.7.3.2), looked for in its head and its tail; else by its size. */
function pagesOf(source: Base64Source, head: Buffer): number {
  const bytes = source.length;
  if (head.toString('latin1', 0, 4) !== '%PDF') return Math.max(1, Math.ceil(bytes / smallPage));
  const tail = Math.max(searched, bytes - searched);
  const text =
    source.read(0, searched).toString('latin1') + (tail < bytes ? source.read(tail, bytes + 3).toString('latin1') : '');
  let said = 0;
  for (const [, count] of text.matchAll(/\/Count[ \r\n]{0,4}(\d{1,6})/g)) said = Math.max(said, Number(count));
  return said > 0 ? Math.max(said, Math.ceil(bytes / largePage)) : Math.max(1, Math.ceil(bytes / smallPage));
}
