import type { ChatRequest } from '../../unified.ts';
import { isObject, refuse, textOf } from '../../wire/json.ts';
import type { NativeOptions } from '../options.ts';
import type { Scene } from './media.ts';

/** How the sound of an answer is handed to the client. The API gives raw samples; a file is made of them here. */
export type SoundFormat = 'pcm16' | 'wav';

export interface OutputForm {
  readonly generation: Readonly<Record<string, unknown>>;
  readonly sound: SoundFormat;
}

const WORDS: Readonly<Record<string, string>> = { text: 'TEXT', image: 'IMAGE', audio: 'AUDIO' };

/**
 * `responseModalities` and `speechConfig` for `modalities` and `audio`. A model that speaks gives sound alone, without a
 * transcript. Throws `TranslationError` for what the model does not write and for sound formats that would have to be encoded.
 */
export function outputForm(request: ChatRequest, options: NativeOptions, scene: Scene): OutputForm {
  const { modalities, audio } = request;
  const native = options.generation.responseModalities;
  if (modalities === undefined || modalities.every((each) => each === 'text')) {
    if (audio !== undefined && native === undefined) scene.notes.dropped('audio');
    return { generation: {}, sound: native === undefined || audio === undefined ? 'pcm16' : soundFormat(audio, request.stream) };
  }
  if (native !== undefined) {
    refuse('`modalities` and `google.response_modalities` say the same thing; send one of them.', 'modalities');
  }
  for (const each of modalities) {
    if (!Object.hasOwn(WORDS, each)) refuse(`The modality ${JSON.stringify(each.slice(0, 32))} is not known.`, 'modalities');
    if (each !== 'text' && !scene.facts.output.includes(each as 'image' | 'audio')) {
      refuse(`This model does not write ${each}; name one that does, or leave "${each}" out of \`modalities\`.`, 'modalities');
    }
  }
  if (!modalities.includes('audio'))
    return { generation: { responseModalities: modalities.map((each) => WORDS[each]) }, sound: 'pcm16' };
  const sound = soundFormat(audio, request.stream);
  const voice = voiceOf(audio);
  return {
    generation: {
      responseModalities: ['AUDIO'],
      ...(voice === null ? {} : { speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } } }),
    },
    sound,
  };
}

function soundFormat(audio: unknown, stream: boolean): SoundFormat {
  const format = isObject(audio) ? (audio.format ?? 'pcm16') : 'pcm16';
  if (format === 'pcm16') return format;
  if (format === 'wav') {
    // The header of a WAV file says how long it is, which a stream learns last.
    if (stream) refuse('A stream of sound has to be of the format pcm16.', 'audio.format');
    return format;
  }
  const said = typeof format === 'string' ? JSON.stringify(format.slice(0, 32)) : 'given';
  return refuse(`The sound format ${said} is not made here; ask for wav or pcm16.`, 'audio.format');
}

/** The voice by its name here (`Kore`, `Puck`): those of OpenAI mean nothing to these models. */
function voiceOf(audio: unknown): string | null {
  if (!isObject(audio)) return null;
  const voice = isObject(audio.voice) ? audio.voice.id : audio.voice;
  if (voice === undefined || voice === null) return null;
  return textOf(voice) ?? refuse('`audio.voice` has to be the name of a voice.', 'audio.voice');
}
