import { type GeminiError, invalid } from './errors.ts';

// The vendor's lists of image, audio, video and document types; text of any kind is read as text.
const types = new Set([
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/heic',
  'image/heif',
  'image/avif',
  'audio/wav',
  'audio/x-wav',
  'audio/mp3',
  'audio/mpeg',
  'audio/mpga',
  'audio/mp4',
  'audio/m4a',
  'audio/x-m4a',
  'audio/aiff',
  'audio/aac',
  'audio/ogg',
  'audio/opus',
  'audio/flac',
  'audio/webm',
  'audio/pcm',
  'audio/l16',
  'video/mp4',
  'video/mpeg',
  'video/mpg',
  'video/mov',
  'video/quicktime',
  'video/avi',
  'video/x-flv',
  'video/webm',
  'video/wmv',
  'video/3gpp',
  'application/pdf',
  'application/json',
  'application/xml',
  'application/rtf',
  'application/x-javascript',
  'application/x-python',
]);

/** 400 for a type that no model reads. Parameters after `;` do not matter. */
export function mimeError(type: string): GeminiError | null {
  const bare = type.split(';')[0]!.trim().toLowerCase();
  if (types.has(bare) || bare.startsWith('text/')) return null;
  return invalid(`Unsupported MIME type: ${type}`);
}
