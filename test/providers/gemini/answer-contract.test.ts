import { describe, expect, it } from 'vitest';
import type { StreamTranslator } from '../../../providers/provider.ts';
import { accumulate } from '../accumulate.ts';
import type { AnswerCase } from './answer-words.ts';
import { answerCases } from './answers.ts';
import { richAnswerCases } from './rich-answers.ts';
import { bytesOf, chunksOf, play, say, streamText, translationOf } from './support.ts';

type Json = Record<string, unknown>;

const asked = () => translationOf(say('Hi', { stream: true, stream_options: { include_usage: true } }));
const completionOf = (bytes: Buffer) => JSON.parse(bytes.toString()) as Json;
const expectedChoices = (choices: AnswerCase['choices']) =>
  choices.map(({ message, finish_reason, logprobs = null }, index) => ({ index, message, finish_reason, logprobs }));

describe.each([...answerCases, ...richAnswerCases])('$name', ({ documents, choices, usage }) => {
  const whole = documents.length === 1 ? documents[0] : documents;
  const stream = Buffer.from(streamText(documents));

  it('is exactly this chat completion', () => {
    const answer = asked().json(bytesOf(whole));
    const completion = completionOf(answer.bytes);
    expect(completion).toMatchObject({ object: 'chat.completion', model: 'gemini-3-flash-preview' });
    expect(completion.choices).toEqual(expectedChoices(choices));
    expect(completion.usage).toEqual(usage);
    expect(answer.model).toBe('gemini-3-flash-preview');
  });

  it('is the same when a stream of it is collected', () => {
    const translation = asked();
    const collector = translation.aggregate();
    play(collector, stream);
    expect(collector.completed).toBe(true);
    expect(completionOf(collector.result().bytes)).toEqual(completionOf(asked().json(bytesOf(whole)).bytes));
  });

  it('adds up to the same for a client who reads the stream', () => {
    const { choices: read, usage: counted } = accumulate(chunksOf(play(asked().stream(), stream))) as {
      choices: Json[];
      usage: unknown;
    };
    expect(counted).toEqual(usage);
    expect(read.map((choice) => choice.finish_reason)).toEqual(choices.map((choice) => choice.finish_reason));
    // A stream does not tell an empty text from none.
    const content = (message: unknown) => (message as Json).content || null;
    expect(read.map((choice) => content(choice.message))).toEqual(choices.map(({ message }) => content(message)));
    const calls = (message: unknown) => (message as { tool_calls?: unknown }).tool_calls;
    expect(read.map((choice) => calls(choice.message))).toEqual(choices.map(({ message }) => calls(message)));
  });

  it('S1, S2, S3: becomes the same bytes at every split of the stream', () => {
    const reference = played(asked().stream(), stream);
    expect(reference.failure).toBeNull();
    for (let cut = 1; cut < stream.length; cut++) {
      const split = played(asked().stream(), stream, [cut]);
      if (!split.bytes.equals(reference.bytes)) throw new Error(`differs at byte ${cut}`);
      expect(split.usage).toEqual(reference.usage);
    }
    const everyByte = Array.from({ length: stream.length - 1 }, (_, at) => at + 1);
    expect(played(asked().stream(), stream, everyByte).bytes.equals(reference.bytes)).toBe(true);
  });

  it('S5, S12: is no answer when its last document is cut off', () => {
    const last = stream.lastIndexOf('data: ');
    const translator = asked().stream();
    play(translator, stream.subarray(0, last));
    expect(translator.completed).toBe(false);
    expect(translator.failure?.reason).toBe('truncated');
  });
});

function played(translator: StreamTranslator, stream: Buffer, cuts: readonly number[] = []) {
  const bytes = play(translator, stream, cuts);
  return { bytes, usage: translator.usage, failure: translator.failure };
}
