import type { EncodeNotes } from '../../chat.ts';
import type { ProviderInstance } from '../../provider.ts';
import type { AudioPart, FilePart, ImagePart, MediaSource, VideoPart } from '../../unified.ts';
import { refuse } from '../../wire/json.ts';
import type { ModelFacts } from '../models.ts';
import { isVertex } from '../paths.ts';
import { plainType, typeOfFile, typeOfUrl, USUAL_TYPE } from './mime.ts';

export type MediaPart = ImagePart | AudioPart | VideoPart | FilePart;

/** A part of the API's `Content`. */
export type GeminiPart = Record<string, unknown>;

/** What the encoding of a request's messages needs to know of its target. */
export interface Scene {
  readonly provider: ProviderInstance;
  readonly facts: ModelFacts;
  readonly notes: EncodeNotes;
}

/** OpenAI's words for how closely an image is looked at; `auto` is what happens without any. */
const RESOLUTIONS: Readonly<Record<string, string>> = {
  low: 'MEDIA_RESOLUTION_LOW',
  high: 'MEDIA_RESOLUTION_HIGH',
  original: 'MEDIA_RESOLUTION_ULTRA_HIGH',
};

/**
 * A medium as `inlineData` or `fileData`. Base64 is handed on as the string it is. `param` names the part in the client's
 * request. Throws `TranslationError` for what cannot be handed over.
 */
export function encodeMedia(part: MediaPart, scene: Scene, param: string): GeminiPart {
  const encoded = part.source.kind === 'data' ? inline(part, part.source) : linked(part, part.source, scene.provider, param);
  if (part.type !== 'image' || part.detail === undefined || part.detail === 'auto') return encoded;
  const level = scene.facts.partResolution && Object.hasOwn(RESOLUTIONS, part.detail) ? RESOLUTIONS[part.detail] : undefined;
  if (level !== undefined) return { ...encoded, mediaResolution: { level } };
  scene.notes.dropped(`${param}.image_url.detail`);
  return encoded;
}

function inline(part: MediaPart, source: Extract<MediaSource, { readonly kind: 'data' }>): GeminiPart {
  const mimeType =
    part.type === 'file' ? typeOfFile(part, source.mediaType, source.data) : plainType(source.mediaType) || USUAL_TYPE[part.type];
  return { inlineData: { mimeType, data: source.data } };
}

function linked(
  part: MediaPart,
  source: Exclude<MediaSource, { readonly kind: 'data' }>,
  provider: ProviderInstance,
  param: string,
): GeminiPart {
  const fileUri = source.kind === 'url' ? checkUrl(source.url, param) : fileUriOf(source.id, provider, param);
  const named =
    part.type === 'file' && part.filename !== undefined
      ? typeOfUrl(`https://name/${encodeURIComponent(part.filename.toWellFormed())}`)
      : null;
  // The Gemini API finds the type out by itself; Vertex AI refuses a file without one.
  const mimeType = named ?? typeOfUrl(fileUri) ?? (isVertex(provider) ? USUAL_TYPE[part.type] : null);
  return { fileData: mimeType === null ? { fileUri } : { mimeType, fileUri } };
}

function checkUrl(url: string, param: string): string {
  if (/^(?:https?|gs):\/\//i.test(url)) return url;
  const what = /^data:/i.test(url)
    ? 'A data URL has to be base64 (`data:<type>;base64,<data>`).'
    : 'The URL has to begin with https://.';
  return refuse(`${what} Send the medium that way, or upload it to the Files API of the provider.`, param);
}

/** A file of the provider's own Files API, by its name or its URI; ids of other services mean nothing here. */
function fileUriOf(id: string, provider: ProviderInstance, param: string): string {
  if (/^(?:https?|gs):\/\//i.test(id)) return id;
  if (/^files\/[A-Za-z0-9-]{1,64}$/.test(id)) return `${provider.baseUrl}/${id}`;
  return refuse(
    'This provider takes files by a name of its own Files API (`files/…`) or as data: send the content as `file_data`.',
    param,
  );
}
