import { describe, expect, it } from 'vitest';
import { Exchange } from '../../../plugins/exchange/index.ts';
import { Explanation, withLastMember } from '../../../plugins/relay/explanation.ts';
import type { Config } from '../../../schemas/config.ts';

const exchange = new Exchange('ex_1', 'req-1', 'chat', {} as Config, 0, 0, () => {});
const explanation = (text: string | null = '{"version":1}', named = false) => new Explanation(exchange, () => text, named);
const bytes = (text: string) => Buffer.from(text);

describe('a member at the end of an object', () => {
  it.each([
    ['{"a":1}', '{"a":1,"g":2}'],
    ['{"a":{}}', '{"a":{},"g":2}'],
    ['{}', '{"g":2}'],
    ['{ \n }', '{ \n "g":2}'],
    ['{"a":1}\r\n ', '{"a":1,"g":2}\r\n '],
    ['{"a":"}"}', '{"a":"}","g":2}'],
    ['{"a":"{"  }', '{"a":"{"  ,"g":2}'],
    ['{"ü":1e400}', '{"ü":1e400,"g":2}'],
  ])('%j becomes %j', (before, after) => {
    expect(withLastMember(bytes(before), '"g":2').toString()).toBe(after);
    expect(JSON.parse(after)).toMatchObject({ g: 2 });
  });

  it('is left out of what is no object', () => {
    expect(withLastMember(bytes('[1]'), '"g":2').toString()).toBe('[1]');
  });
});

describe('an explanation', () => {
  it('is the last member of a JSON answer', () => {
    expect(explanation().inObject(bytes('{"id":"c"}')).toString()).toBe('{"id":"c","gateway":{"decision":{"version":1}}}');
  });

  it('is one more event of a chat stream, before its end, that is a chunk of the same answer', () => {
    const one = explanation();
    one.sees(bytes('data: {"id":"c","created":5,"model":"m","choices":[{"index":0}],"usage":null}\n\ndata: {"id":"d"}\n\n'));
    one.sees(bytes('data: {"id":"e"}\n\n'));
    expect(one.atEnd(bytes('data: {"id":"f"}\n\ndata: [DONE]\n\n')).toString()).toBe(
      'data: {"id":"f"}\n\n' +
        'data: {"id":"c","object":"chat.completion.chunk","created":5,"model":"m","choices":[],"gateway":{"decision":{"version":1}}}\n\n' +
        'data: [DONE]\n\n',
    );
  });

  it.each(['', 'data: [1]\n\n', 'data: {"id":\n\n', ': comment\n\n', `data: {"id":"${'x'.repeat(100_000)}"}\n\n`])(
    'is a chunk whatever the first event was: %.20j',
    (first) => {
      const one = explanation();
      one.sees(bytes(first));
      const [event, done] = one.atEnd(bytes('data: [DONE]\n\n')).toString().split('\n\n');
      expect(JSON.parse(event!.slice(6))).toEqual({
        object: 'chat.completion.chunk',
        choices: [],
        gateway: { decision: { version: 1 } },
      });
      expect(done).toBe('data: [DONE]');
    },
  );

  it('is the last event of a stream of named ones', () => {
    expect(explanation('{"version":1}', true).atEnd(bytes('')).toString()).toBe(
      'event: gateway.decision\ndata: {"type":"gateway.decision","decision":{"version":1}}\n\n',
    );
  });

  it.each([
    ['data: {"error":{"code":"x"}}\n\n', 'data: {"error":{"code":"x"},"gateway":{"decision":{"version":1}}}\n\n'],
    [
      'event: error\ndata: {"type":"error","error":{"code":"x"}}\n\n',
      'event: error\ndata: {"type":"error","error":{"code":"x"},"gateway":{"decision":{"version":1}}}\n\n',
    ],
  ])('stands beside the error that ends a stream: %j', (before, after) => {
    expect(explanation().atEnd(bytes(before)).toString()).toBe(after);
  });

  it('is left out where there is none', () => {
    const none = explanation(null);
    for (const each of ['{"a":1}', 'data: [DONE]\n\n', 'data: {"error":{}}\n\n', '']) {
      expect([none.inObject(bytes(each)).toString(), none.atEnd(bytes(each)).toString()]).toEqual([each, each]);
    }
  });
});
