import type { CacheHint, MediaSource, Part } from '../../unified.ts';
import { isObject, type JsonObject, refuse } from '../../wire/json.ts';
import { carried, DIALECT, overlay, own, residue } from './carry.ts';

const DATA_URL = /^data:([^,]{1,256});base64,/;

/** `data:<type>;base64,<data>` as data, anything else as the URL it is. */
function sourceOfUrl(url: string): MediaSource {
  const mediaType = DATA_URL.exec(url)?.[1];
  if (mediaType === undefined) return { kind: 'url', url };
  return { kind: 'data', mediaType, data: url.slice('data:'.length + mediaType.length + ';base64,'.length) };
}

function urlOf(source: MediaSource, what: string): string {
  if (source.kind === 'url') return source.url;
  if (source.kind === 'data') return `data:${source.mediaType};base64,${source.data}`;
  return refuse(`This provider cannot take ${what} by file id; send it as a URL or as base64 data.`, 'messages');
}

/** Cache marks on a part: OpenAI's `prompt_cache_breakpoint`, and `cache_control` as routers pass it to other vendors. */
function cacheOf(raw: JsonObject): { readonly cache?: CacheHint } {
  const { prompt_cache_breakpoint: breakpoint, cache_control: control } = raw;
  if (isObject(breakpoint)) return { cache: typeof breakpoint.mode === 'string' ? { mode: breakpoint.mode } : {} };
  return controlOf(control);
}

/** `cache_control` (`{type: "ephemeral", ttl?}`), as routers pass it to vendors whose caching is asked for. */
export function controlOf(control: unknown): { readonly cache?: CacheHint } {
  if (!isObject(control)) return {};
  return { cache: typeof control.ttl === 'string' ? { ttl: control.ttl } : {} };
}

/** One element of a `content` array. What is not known, or not in the documented form, becomes a foreign part. */
export function decodePart(raw: unknown): Part {
  const part = isObject(raw) ? readPart(raw) : null;
  if (part === null) return { type: 'foreign', dialect: DIALECT, value: raw };
  const extra = residue(raw as JsonObject, writePart(part));
  // An extension, even an empty one, tells a text that was a part from content that was a plain string.
  if (part.type === 'text' || part.type === 'refusal') return { ...part, extensions: { [DIALECT]: extra } };
  return { ...part, ...carried(extra) };
}

function readPart(raw: JsonObject): Part | null {
  const cache = cacheOf(raw);
  switch (raw.type) {
    case 'text':
      return typeof raw.text === 'string' ? { type: 'text', text: raw.text, ...cache } : null;
    case 'refusal':
      return typeof raw.refusal === 'string' ? { type: 'refusal', text: raw.refusal, ...cache } : null;
    case 'image_url': {
      const image = typeof raw.image_url === 'string' ? { url: raw.image_url } : raw.image_url;
      if (!isObject(image) || typeof image.url !== 'string') return null;
      const detail = typeof image.detail === 'string' ? { detail: image.detail } : {};
      return { type: 'image', source: sourceOfUrl(image.url), ...detail, ...cache };
    }
    case 'video_url': {
      const video = raw.video_url;
      return isObject(video) && typeof video.url === 'string'
        ? { type: 'video', source: sourceOfUrl(video.url), ...cache }
        : null;
    }
    case 'input_audio': {
      const audio = raw.input_audio;
      if (!isObject(audio) || typeof audio.data !== 'string' || typeof audio.format !== 'string') return null;
      const source: MediaSource = { kind: 'data', mediaType: `audio/${audio.format}`, data: audio.data };
      return { type: 'audio', source, format: audio.format, ...cache };
    }
    case 'file':
      return isObject(raw.file) ? readFile(raw.file, cache) : null;
  }
  return null;
}

function readFile(file: JsonObject, cache: { readonly cache?: CacheHint }): Part | null {
  const filename = typeof file.filename === 'string' ? { filename: file.filename } : {};
  if (typeof file.file_id === 'string')
    return { type: 'file', source: { kind: 'file', id: file.file_id }, ...filename, ...cache };
  if (typeof file.file_data !== 'string') return null;
  const source = sourceOfUrl(file.file_data);
  if (source.kind === 'url' && /^[a-z]+:/i.test(source.url)) return { type: 'file', source, ...filename, ...cache };
  // Bare base64 without the data: prefix is sent by some clients.
  if (source.kind === 'url') {
    const bare: MediaSource = { kind: 'data', mediaType: 'application/octet-stream', data: source.url };
    return { type: 'file', source: bare, ...filename, ...cache };
  }
  return { type: 'file', source, ...filename, ...cache };
}

/** The element of a `content` array for a part. Throws `TranslationError` naming what this dialect cannot say. */
export function encodePart(part: Part): unknown {
  if (part.type === 'foreign') {
    if (part.dialect === DIALECT) return part.value;
    return refuse(`This provider cannot take content that only the "${part.dialect}" dialect knows.`, 'messages');
  }
  return overlay(writePart(part), own(part.extensions));
}

function writePart(part: Part): Record<string, unknown> {
  const mode = part.cache?.mode;
  const cache = mode === undefined ? {} : { prompt_cache_breakpoint: { mode } };
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text, ...cache };
    case 'refusal':
      return { type: 'refusal', refusal: part.text, ...cache };
    case 'image': {
      const detail = part.detail === undefined ? {} : { detail: part.detail };
      return { type: 'image_url', image_url: { url: urlOf(part.source, 'an image'), ...detail }, ...cache };
    }
    case 'video':
      return { type: 'video_url', video_url: { url: urlOf(part.source, 'a video') }, ...cache };
    case 'audio': {
      if (part.source.kind !== 'data') return refuse('This provider takes sound as base64 data only.', 'messages');
      const format = part.format ?? part.source.mediaType.replace(/^audio\/(?:x-)?/, '').replace(/^mpeg$/, 'mp3');
      return { type: 'input_audio', input_audio: { data: part.source.data, format }, ...cache };
    }
    case 'file': {
      const filename = part.filename === undefined ? {} : { filename: part.filename };
      const file = part.source.kind === 'file' ? { file_id: part.source.id } : { file_data: urlOf(part.source, 'a file') };
      return { type: 'file', file: { ...file, ...filename }, ...cache };
    }
  }
  return refuse(`This provider cannot take a "${part.type}" part here.`, 'messages');
}
