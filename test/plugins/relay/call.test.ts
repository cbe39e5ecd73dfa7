import fc from 'fast-check';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { ValidationError } from '../../../plugins/errors/classes.ts';
import { anonymous } from '../../../plugins/exchange/exchange.ts';
import { callerTimeout, metadataOf, timeoutsFor, toCall, warnings } from '../../../plugins/relay/call.ts';
import type { Route } from '../../../plugins/router/index.ts';
import { scanMembers } from '../../../providers/wire/members.ts';
import type { Config } from '../../../schemas/config.ts';

function request(body: object, headers: Record<string, string> = {}): FastifyRequest {
  const bytes = Buffer.from(JSON.stringify(body));
  return {
    headers,
    callBody: { bytes, json: JSON.parse(bytes.toString()), members: scanMembers(bytes) },
  } as unknown as FastifyRequest;
}

const call = (body: object) => toCall(request(body), 'chat', 'some-dialect');

describe('a call', () => {
  it('is the operation, the dialect and the body as they are', () => {
    const from = request({ model: 'm' });
    expect(toCall(from, 'embeddings', 'some-dialect')).toMatchObject({
      operation: 'embeddings',
      dialect: 'some-dialect',
      body: from.callBody,
    });
  });

  it.each([
    [{ stream: true }, true],
    [{ stream: false }, false],
    [{ stream: null }, false],
    [{ stream: 'true' }, false],
    [{ stream: 1 }, false],
    [{}, false],
  ])('streams when stream is true and nothing else: %j', (body, stream) => {
    expect(call(body).stream).toBe(stream);
  });

  it.each([
    [{ stream_options: { include_usage: true } }, true],
    [{ stream_options: { include_usage: false } }, false],
    [{ stream_options: {} }, false],
    [{ stream_options: null }, false],
    [{ stream_options: 'include_usage' }, false],
    [{}, false],
  ])('shows usage in the stream when asked to: %j', (body, shown) => {
    expect(call(body).streamUsage).toBe(shown);
  });

  it('I10: fields that could name another server or credential are dropped, and the caller is told', () => {
    const dropped = ['api_base', 'base_url', 'api_key', 'headers', 'extra_headers'];
    const made = call({ model: 'm', ...Object.fromEntries(dropped.map((name) => [name, 'x'])) });
    expect([...made.dropped]).toEqual(dropped);
    expect(warnings(made)).toBe('dropped=api_base, dropped=base_url, dropped=api_key, dropped=headers, dropped=extra_headers');
  });

  it('I10: the same names further inside, in other case or beside them are fields like any other', () => {
    const made = call({ model: 'm', metadata: { api_key: 'x', headers: 1 }, API_KEY: 'x', api_keys: 'x', header: 'x' });
    expect([made.dropped.size, warnings(made)]).toEqual([0, null]);
  });

  it('the gateway object is dropped, and what in it has no effect is named', () => {
    const made = call({ gateway: { cache: 1, retry: 2 } });
    expect([...made.dropped]).toEqual(['gateway']);
    expect(warnings(made)).toBe('ignored=gateway.cache, ignored=gateway.retry');
    expect(warnings(call({ gateway: 'x' }))).toBe('ignored=gateway');
    expect(warnings(call({ gateway: {} }))).toBeNull();
  });

  it('C13: warnings are always a short header value, whatever the names', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary', maxLength: 200 }), fc.constant(1)), (names) => {
        const text = warnings(call({ gateway: names, api_key: 'secret-value' }))!;
        expect(text).toMatch(/^[\w=.,\- ]+$/);
        expect(text.length).toBeLessThan(1_000);
        expect(text).not.toContain('secret-value');
      }),
    );
  });
});

describe('x-postern-timeout', () => {
  const timeout = (text?: string) => callerTimeout(request({}, text === undefined ? {} : { 'x-postern-timeout': text }));

  it.each([
    ['30s', 30_000],
    ['1500ms', 1_500],
    [' 2m ', 120_000],
    ['0.5s', 500],
  ])('%j is %i milliseconds', (text, ms) => {
    expect(timeout(text)).toBe(ms);
  });

  it('says nothing when it is absent', () => {
    expect(timeout()).toBeNull();
  });

  it.each(['', '30', '0s', '0', '-1s', '1e3s', 'soon', '30s, 40s', '1.0001ms', 'Infinity', '30 s', `${'9'.repeat(400)}s`])(
    '%j is refused by name',
    (text) => {
      expect(() => timeout(text)).toThrow(ValidationError);
      expect(() => timeout(text)).toThrow(/x-postern-timeout.*30s or 1500ms/);
    },
  );

  it('is a whole positive number of milliseconds a timer takes, or refused', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000 }), fc.constantFrom('ms', 's', 'm', 'h', 'd', 'w', ''), (count, unit) => {
        try {
          const ms = timeout(`${count}${unit}`)!;
          expect(Number.isInteger(ms) && ms > 0 && ms < 2 ** 31).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ status: 400, param: 'x-postern-timeout' });
        }
      }),
    );
  });
});

describe('x-postern-metadata', () => {
  const metadata = (text?: string, labels: Record<string, string> | null = null) => {
    const asked = request({}, text === undefined ? {} : { 'x-postern-metadata': text });
    return metadataOf(Object.assign(asked, { exchange: { principal: { ...anonymous, metadata: labels } } }));
  };
  const pairs = (count: number) => JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at])));

  it('is stored as compact JSON', () => {
    expect(metadata('{ "team": "a", "n": 5, "paid": true }')).toBe('{"team":"a","n":5,"paid":true}');
  });

  it('says nothing when it is absent', () => {
    expect(metadata()).toBeNull();
  });

  it('is stored beside the labels of the key, which a caller cannot change', () => {
    expect(metadata(undefined, { team: 'a' })).toBe('{"team":"a"}');
    expect(metadata('{"n":5,"team":"b","__proto__":"x"}', { team: 'a' })).toBe('{"n":5,"team":"a","__proto__":"x"}');
  });

  it.each([
    ['no JSON', 'team=a', /has to be JSON/],
    ['nothing', '', /has to be JSON/],
    ['a list', '[1]', /JSON object/],
    ['null', 'null', /JSON object/],
    ['a text', '"a"', /JSON object/],
    ['17 pairs', pairs(17), /more than 16 pairs/],
    ['a long name', `{"${'n'.repeat(65)}":1}`, /name of more than 64/],
    ['a long value', `{"a":"${'v'.repeat(513)}"}`, /"a" of more than 512/],
    ['an object inside', '{"a":{"b":1}}', /"a" that is no string, number or boolean/],
    ['a list inside', '{"a":[]}', /no string, number or boolean/],
    ['null inside', '{"a":null}', /no string, number or boolean/],
    ['a number beyond all numbers', '{"a":1e999}', /no string, number or boolean/],
  ])('%s is refused', (_name, text, message) => {
    expect(() => metadata(text)).toThrow(message);
    expect(() => metadata(text)).toThrow(ValidationError);
  });

  it('takes as much as it says', () => {
    expect(metadata(pairs(16))).toBe(pairs(16));
    const longest = `{"${'n'.repeat(64)}":"${'v'.repeat(512)}"}`;
    expect(metadata(longest)).toBe(longest);
  });

  it('is flat, small and the same when read again, or refused', () => {
    const value = fc.oneof(fc.string({ maxLength: 600 }), fc.double(), fc.boolean(), fc.constant(null), fc.array(fc.nat()));
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 70 }), value, { maxKeys: 20 }), (object) => {
        const text = JSON.stringify(object);
        try {
          const stored = metadata(text)!;
          expect(JSON.parse(stored)).toEqual(JSON.parse(text));
          expect(Object.keys(JSON.parse(stored)).length).toBeLessThanOrEqual(16);
        } catch (error) {
          expect(error).toMatchObject({ status: 400, param: 'x-postern-metadata' });
        }
      }),
    );
  });

  it('I6: a pair named __proto__ is a pair like any other', () => {
    expect(metadata('{"__proto__":"x"}')).toBe('{"__proto__":"x"}');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('the timeouts of an attempt', () => {
  const config = { timeouts: { connect: 1, first_byte: 2, first_content: 3, idle: 4, total: 5 } } as Config;
  const route = (timeouts: Route['timeouts']): Route => ({ model: 'm', groups: [], timeouts });

  it('are those of the configuration', () => {
    expect(timeoutsFor(config, route({}), undefined)).toBe(config.timeouts);
  });

  it("are the provider's where it has its own, and the model's above those", () => {
    expect(timeoutsFor(config, route({ idle: 40, total: 50 }), { first_byte: 20, idle: 400 })).toEqual({
      connect: 1,
      first_byte: 20,
      first_content: 3,
      idle: 40,
      total: 50,
    });
  });
});
