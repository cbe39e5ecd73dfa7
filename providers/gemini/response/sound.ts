import type { AudioPart } from '../../unified.ts';
import { protocolError } from '../../wire/json.ts';
import type { SoundFormat } from '../request/sound.ts';

/** Samples per second where the media type does not say. */
const DEFAULT_RATE = 24_000;
/** Bytes of sound held for a file; an hour is 170 MB and no answer of this API. */
const MAX_HELD = 64 * 1024 * 1024;

const RAW = /^audio\/(?:l16|pcm|x-pcm)\b/i;

/**
 * The sound of an answer: raw 16-bit samples (`audio/L16;codec=pcm;rate=24000`, little-endian as the API's own examples read
 * them), handed on as they come, or gathered into one WAV file.
 */
export class SoundReader {
  readonly #format: SoundFormat;
  readonly #held: Buffer[] = [];
  #bytes = 0;
  #rate = DEFAULT_RATE;

  constructor(format: SoundFormat) {
    this.#format = format;
  }

  /** A piece of sound; null while it is held back. Throws `TranslationError` when that becomes too much. */
  take(mediaType: string, data: string): AudioPart | null {
    if (!RAW.test(mediaType)) {
      const format = mediaType
        .split(';', 1)[0]!
        .replace(/^audio\/(?:x-)?/i, '')
        .toLowerCase();
      return { type: 'audio', source: { kind: 'data', mediaType, data }, format };
    }
    if (this.#format === 'pcm16') return { type: 'audio', source: { kind: 'data', mediaType, data }, format: 'pcm16' };
    const rate = Number(/\brate=(\d{4,6})\b/i.exec(mediaType)?.[1] ?? DEFAULT_RATE);
    const samples = Buffer.from(data, 'base64');
    if (this.#bytes + samples.length > MAX_HELD) protocolError('The answer of the provider is too large.');
    this.#rate = rate;
    this.#bytes += samples.length;
    this.#held.push(samples);
    return null;
  }

  /** The file made of what was held back; null when nothing was. */
  finish(): AudioPart | null {
    if (this.#held.length === 0) return null;
    const file = Buffer.concat([wavHeader(this.#bytes, this.#rate), ...this.#held.splice(0)]);
    this.#bytes = 0;
    return { type: 'audio', source: { kind: 'data', mediaType: 'audio/wav', data: file.toString('base64') }, format: 'wav' };
  }
}

/** RIFF header of one channel of 16-bit samples (WAVE format PCM): 44 bytes. */
function wavHeader(bytes: number, rate: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(bytes, 40);
  return header;
}
