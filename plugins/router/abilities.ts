import type { Modality, Operation, Target } from '../../providers/provider.ts';
import type { Needs } from './needs.ts';

// What targets can do and calls need as bits, so that fifty targets are looked through in less than a microsecond. `canTake` of
// needs.ts says in words what a missing bit means.

const operationBits: Readonly<Record<Operation, number>> = { chat: 1, embeddings: 2, responses: 4 };
const inputBits: Readonly<Record<Modality, number>> = { text: 0, image: 8, audio: 16, video: 32, file: 64 };
const outputBits: Readonly<Record<Modality, number>> = { text: 128, image: 256, audio: 512, video: 1024, file: 2048 };
const toolsBit = 4096;
const schemaBit = 8192;
const everything = 16_383;
const anyOperation = operationBits.chat | operationBits.embeddings | operationBits.responses;

const bitsOf = <K extends string>(bits: Readonly<Record<K, number>>, names: Iterable<K>): number => {
  let all = 0;
  for (const name of names) all |= bits[name];
  return all;
};

/** What nothing is known of can do everything. */
export function abilitiesOf({ provider, info }: Target): number {
  let bits = everything & ~anyOperation;
  bits |= bitsOf(operationBits, provider.operations);
  if (info === undefined) return bits;
  if (info.operations !== undefined) bits &= ~anyOperation | bitsOf(operationBits, info.operations);
  if (info.input !== undefined) bits &= ~bitsOf(inputBits, ['image', 'audio', 'video', 'file']) | bitsOf(inputBits, info.input);
  if (info.output !== undefined) {
    bits &= ~bitsOf(outputBits, ['text', 'image', 'audio', 'video', 'file']) | bitsOf(outputBits, info.output);
  }
  if (info.tools === false) bits &= ~toolsBit;
  if (info.structuredOutput === false) bits &= ~schemaBit;
  return bits;
}

export function neededBits({ operation, input, output, tools, structuredOutput }: Needs): number {
  let bits = operationBits[operation] | bitsOf(inputBits, input);
  // The API has spoken answers asked for as text and audio; the text is their transcript.
  const spoken = output.includes('audio');
  for (const each of output) if (!(spoken && each === 'text')) bits |= outputBits[each];
  if (tools) bits |= toolsBit;
  if (structuredOutput) bits |= schemaBit;
  return bits;
}
