import type { Call, ProviderType, Target, Translation, TranslationContext } from '../../providers/provider.ts';
import { SseSplitter } from '../../providers/wire/sse.ts';
import type { Case } from './harness.ts';

// The directions of a translation, each timed alone, beside JSON.parse and JSON.stringify of the same bytes.

export function asJson(name: string, bytes: Buffer): Case {
  return {
    name: `JSON.parse + JSON.stringify, ${name}, ${bytes.length} B`,
    run(times) {
      let length = 0;
      for (let at = 0; at < times; at++) length += Buffer.from(JSON.stringify(JSON.parse(bytes.toString()))).length;
      return length;
    },
  };
}

export function encoding(name: string, type: ProviderType, call: Call, target: Target, context: TranslationContext): Case {
  return {
    name,
    run(times) {
      let length = 0;
      for (let at = 0; at < times; at++) length += type.translate(call, target, context)!.request.body!.length;
      return length;
    },
  };
}

export function decoding(name: string, translation: Translation, answer: Buffer): Case {
  return {
    name,
    run(times) {
      let length = 0;
      for (let at = 0; at < times; at++) length += translation.json(answer).bytes.length;
      return length;
    },
  };
}

export function eventsAsJson(name: string, payloads: readonly string[]): Case {
  return {
    name,
    run(times) {
      let length = 0;
      for (let left = times; left > 0; left -= payloads.length) {
        for (const payload of payloads.slice(0, left)) length += JSON.stringify(JSON.parse(payload)).length;
      }
      return length;
    },
  };
}

/** `chunks`: one event each. */
export function streaming(name: string, translation: Translation, chunks: readonly Buffer[]): Case {
  return {
    name,
    run(times) {
      let length = 0;
      for (let left = times; left > 0; left -= chunks.length) {
        const splitter = new SseSplitter();
        const translator = translation.stream();
        for (const chunk of chunks.slice(0, left)) {
          splitter.push(chunk, (event) => {
            length += translator.push(event)?.length ?? 0;
          });
        }
        translator.end();
      }
      return length;
    },
  };
}
