import type { EncodeNotes } from '../provider.ts';
import type { ChatRequest } from '../unified.ts';
import type { ModelRules } from './models.ts';
import type { Native } from './native.ts';

/** With reasoning on the API takes `top_p` from here to 1, temperature 1 and no `top_k`. */
const MIN_TOP_P = 0.95;

/**
 * temperature, top_p, top_k and stop sequences as far as the model takes them; `thinking`: reasoning is on. What it does not
 * take is left out with a note, but for a temperature above 1, which no model of this API has.
 */
export function samplingOf(
  request: ChatRequest,
  rules: ModelRules,
  native: Native,
  thinking: boolean,
  notes: EncodeNotes,
): Record<string, unknown> {
  const { temperature, topP, stop } = request.sampling;
  const topK = native.topK ?? request.sampling.topK;
  const sent: Record<string, unknown> = {};
  const fixed = rules.sampling === 'none' || thinking;
  if (temperature !== undefined && temperature !== 1) {
    if (fixed) notes.dropped('temperature');
    else if (temperature > 1) {
      notes.unsupported('temperature', 'This model takes a temperature from 0 to 1. Send one of at most 1, or leave it out.');
    } else sent.temperature = temperature;
  }
  if (topP !== undefined && topP !== 1) {
    const taken =
      rules.sampling === 'none' ? false : thinking ? topP >= MIN_TOP_P : rules.sampling === 'both' || !('temperature' in sent);
    if (taken) sent.top_p = topP;
    else notes.dropped('top_p');
  }
  if (topK !== undefined) {
    if (fixed) notes.dropped(native.topK === undefined ? 'top_k' : 'anthropic.top_k');
    else sent.top_k = topK;
  }
  if (stop !== undefined) {
    const readable = stop.filter((sequence) => /\S/.test(sequence));
    if (readable.length < stop.length) notes.dropped('stop');
    if (readable.length > 0) sent.stop_sequences = readable;
  }
  return sent;
}
