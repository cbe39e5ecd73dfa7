import { type ExpectedVectors, object, objects } from './expected.ts';

/** Largest difference of a number that went through 32 bits. */
const rounding = 1e-6;

/** Vectors in the order and form asked for; those of another dialect have length 1, as clients of this API expect. */
export function vectorDifferences(expected: ExpectedVectors, base64: boolean, body: Buffer, own: boolean): string[] {
  const data = objects(object(JSON.parse(body.toString('utf8'))).data);
  const found = data.length === expected.vectors.length ? [] : [`${data.length} vectors instead of ${expected.vectors.length}`];
  for (const [at, vector] of expected.vectors.entries()) {
    const { embedding, index } = data[at] ?? {};
    if (index !== at) found.push(`vector ${at} has index ${String(index)}`);
    if ((typeof embedding === 'string') !== base64) found.push(`vector ${at} is not in the form asked for`);
    else if (typeof vector === 'string' && base64) {
      if (embedding !== vector) found.push(`vector ${at} is another`);
    } else found.push(...numberDifferences(at, numbers(vector), numbers(embedding as number[] | string), own));
  }
  return found;
}

function numberDifferences(at: number, wanted: readonly number[], got: readonly number[], own: boolean): string[] {
  if (got.length !== wanted.length) return [`vector ${at} has ${got.length} numbers instead of ${wanted.length}`];
  const factor = own ? 1 : 1 / Math.hypot(...wanted);
  const other = wanted.some((value, i) => Math.abs(value * factor - got[i]!) > rounding);
  return other ? [`vector ${at} is another, its length is ${Math.hypot(...got)}`] : [];
}

function numbers(vector: readonly number[] | string): readonly number[] {
  if (typeof vector !== 'string') return vector;
  const bytes = Buffer.from(vector, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4));
}
