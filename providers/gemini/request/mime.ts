import type { FilePart } from '../../unified.ts';

/** Media types by file extension, for URLs and names; those that the API lists as readable. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
  gif: 'image/gif',
  avif: 'image/avif',
  wav: 'audio/wav',
  mp3: 'audio/mp3',
  mpga: 'audio/mpeg',
  aiff: 'audio/aiff',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  opus: 'audio/opus',
  flac: 'audio/flac',
  m4a: 'audio/m4a',
  mp4: 'video/mp4',
  mpeg: 'video/mpeg',
  mpg: 'video/mpg',
  mov: 'video/quicktime',
  avi: 'video/avi',
  flv: 'video/x-flv',
  webm: 'video/webm',
  wmv: 'video/wmv',
  '3gp': 'video/3gpp',
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  markdown: 'text/markdown',
  html: 'text/html',
  htm: 'text/html',
  css: 'text/css',
  csv: 'text/csv',
  xml: 'text/xml',
  rtf: 'text/rtf',
  json: 'application/json',
  js: 'text/javascript',
  py: 'text/x-python',
};

/** What a part without any sign of its type most likely is, where the API insists on one. */
export const USUAL_TYPE = { image: 'image/jpeg', audio: 'audio/mp3', video: 'video/mp4', file: 'application/pdf' } as const;

/** Other names of the same type that clients send. */
const SAME: Readonly<Record<string, string>> = { 'image/jpg': 'image/jpeg', 'image/x-png': 'image/png' };

function ofName(name: string): string | null {
  const extension = /\.([A-Za-z0-9]{2,8})$/.exec(name)?.[1]?.toLowerCase();
  return extension !== undefined && Object.hasOwn(BY_EXTENSION, extension) ? BY_EXTENSION[extension]! : null;
}

/** The media type a URL tells by the extension of its path or by its query (`mime_type`, `format`, `ext`); null for none. */
export function typeOfUrl(url: string): string | null {
  if (/^https?:\/\/(?:www\.|m\.)?(?:youtube\.com|youtu\.be)\//i.test(url)) return 'video/mp4';
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null) return null;
  const byPath = ofName(parsed.pathname);
  if (byPath !== null) return byPath;
  for (const name of ['mime_type', 'mimetype', 'content_type', 'format', 'fm', 'ext', 'filename']) {
    const value = parsed.searchParams.get(name)?.toLowerCase();
    if (value === undefined || value.length > 128) continue;
    if (/^(?:image|audio|video|text|application)\/[\w.+-]+$/.test(value)) return SAME[value] ?? value;
    const byValue = ofName(`.${value.slice(value.lastIndexOf('.') + 1)}`);
    if (byValue !== null) return byValue;
  }
  return null;
}

/** A media type without its parameters, under the name that the API has for it. */
export function plainType(mediaType: string): string {
  const plain = mediaType.split(';', 1)[0]!.trim().toLowerCase();
  return Object.hasOwn(SAME, plain) ? SAME[plain]! : plain;
}

/** The type of a file that came as data: what it says, its name, or the first letters of a PDF in base64. */
export function typeOfFile(part: FilePart, mediaType: string, data: string): string {
  const said = plainType(mediaType);
  if (said !== '' && said !== 'application/octet-stream') return said;
  const named = part.filename === undefined ? null : ofName(part.filename);
  return named ?? (data.startsWith('JVBERi') ? USUAL_TYPE.file : said);
}
