import { describe, expect, it } from 'vitest';
import { readBody } from '../../../plugins/body.ts';
import { completeJson, withOriginals } from '../../../providers/pivot/cut.ts';

const image = `data:image/png;base64,${'QUJD'.repeat(30_000)}`;
const story = `${'a "quoted" line\n'.repeat(8_000)}é`;
/** Strings near the top are never cut out: those of a conversation are deeper. */
const body = (value: object) => readBody(Buffer.from(JSON.stringify({ in: [value] })));
const of = (read: ReturnType<typeof body>) => (read.json as { in: [{ parts: string[] }] }).in[0];
const complete = (read: ReturnType<typeof body>) => (completeJson(read) as { in: [object] }).in[0];

describe('long strings that were cut out of a body', () => {
  it('come back byte for byte where their stand-ins went, whole or without their beginning', () => {
    const read = body({ parts: [image, story] });
    const [first, second] = of(read).parts as [string, string];
    expect(first.length + second.length).toBeLessThan(1_000);
    const translated = Buffer.from(JSON.stringify({ text: second, data: first.slice('data:image/png;base64,'.length), é: 1 }));
    expect(JSON.parse(withOriginals(translated, read)!.toString())).toEqual({
      text: story,
      data: image.slice('data:image/png;base64,'.length),
      é: 1,
    });
  });

  it('are decoded instead when a stand-in is not there exactly once', () => {
    const read = body({ parts: [image] });
    const [standIn] = of(read).parts as [string];
    expect(withOriginals(Buffer.from(JSON.stringify([standIn, standIn])), read)).toBeNull();
    expect(withOriginals(Buffer.from('{}'), read)).toBeNull();
    expect(complete(read)).toEqual({ parts: [image] });
  });

  it("a caller's text that looks like a stand-in multiplies nothing", () => {
    const plain = body({ parts: [image] });
    const [standIn] = of(plain).parts as [string];
    const read = body({ parts: [image, standIn] });
    expect(withOriginals(Buffer.from(JSON.stringify(of(read))), read)).toBeNull();
    expect(complete(read)).toMatchObject({ parts: [image, expect.any(String)] });
  });

  it('two that begin at 13 and at 130,020 are told apart', () => {
    const long = 'x'.repeat(130_000);
    const read = body({ a: long, b: `${long}y` });
    const translated = Buffer.from(JSON.stringify(of(read)));
    expect(JSON.parse(withOriginals(translated, read)!.toString())).toEqual({ a: long, b: `${long}y` });
  });

  it('a media type too long for the short form is still seen whole', () => {
    const type = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document; name=report.docx';
    const read = body({ parts: [`data:${type};base64,${'QUJD'.repeat(30_000)}`] });
    expect(of(read).parts[0]).toContain(`data:${type};base64,QUJD`);
  });

  it('a body without any is the same object', () => {
    const read = body({ parts: ['short'] });
    expect(completeJson(read)).toBe(read.json);
  });
});
