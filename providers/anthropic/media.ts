import type { FilePart, ImagePart } from '../unified.ts';
import { refuse } from '../wire/json.ts';
import type { Block } from './dialect.ts';

const IMAGES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** Where a PDF begins (`%PDF-`), in base64. */
const PDF = 'JVBERi';

/** `image/jpg; x=y` as `image/jpeg`. */
function mediaTypeOf(written: string): string {
  const type = written.split(';', 1)[0]!.trim().toLowerCase();
  return type === 'image/jpg' ? 'image/jpeg' : type;
}

/** An image block. Throws `TranslationError` naming `param` for a form or a type that the API does not take. */
export function imageBlock(part: ImagePart, param: string): Block {
  const { source } = part;
  if (source.kind === 'file') return { type: 'image', source: { type: 'file', file_id: source.id } };
  if (source.kind === 'url') return { type: 'image', source: { type: 'url', url: webAddress(source.url, 'an image', param) } };
  const type = mediaTypeOf(source.mediaType);
  if (!IMAGES.has(type)) {
    refuse(`This provider takes images as JPEG, PNG, GIF or WebP, not as "${type}". Convert it.`, param);
  }
  return { type: 'image', source: { type: 'base64', media_type: type, data: source.data } };
}

/**
 * A document block: PDF (data, URL, file id) and text (any `text/*` and JSON, as data); a picture sent as a file is an image.
 * Throws `TranslationError` naming `param` for anything else.
 */
export function fileBlock(part: FilePart, param: string): Block {
  const { source, filename } = part;
  const title = filename === undefined || filename === '' ? {} : { title: filename };
  if (source.kind === 'file') return { type: 'document', source: { type: 'file', file_id: source.id }, ...title };
  if (source.kind === 'url') {
    return { type: 'document', source: { type: 'url', url: webAddress(source.url, 'a document', param) }, ...title };
  }
  const type = mediaTypeOf(source.mediaType);
  if (IMAGES.has(type)) return imageBlock({ type: 'image', source }, param);
  // Clients that send base64 without saying what it is send PDF.
  if (type === 'application/pdf' || (type === 'application/octet-stream' && source.data.startsWith(PDF))) {
    return { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: source.data }, ...title };
  }
  if (type.startsWith('text/') || type === 'application/json') {
    const text = Buffer.from(source.data, 'base64').toString('utf8');
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title };
  }
  return refuse(`This provider takes documents as PDF or text, not as "${type}". Convert it, or send its text.`, param);
}

function webAddress(url: string, what: string, param: string): string {
  if (/^https:\/\//i.test(url)) return url;
  return refuse(`This provider takes ${what} as base64 data (data:<type>;base64,…) or by an https URL.`, param);
}
