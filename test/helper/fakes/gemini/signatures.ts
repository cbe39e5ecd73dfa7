import { createHmac } from 'node:crypto';

const key = 'signatures of the fake';
const prefix = 'fake-thought';

/** What a signature was issued for: it is bound to the model and to the kind of its part. */
export interface SignedPart {
  readonly model: string;
  /** `call:<name>` for a function call, `text` for anything else. */
  readonly on: string;
}

/** The placeholder that is accepted instead of a signature, as text and as the clients encode it. */
export const sentinel = 'skip_thought_signature_validator';

/** A signature the fake takes back: base64, about as long as a short real one. */
export function issueSignature(part: SignedPart, number: number): string {
  const claim = `${prefix}|${part.model}|${part.on}|${number}`;
  const filler = createHmac('sha512', key).update(`filler ${claim}`).digest('hex');
  return Buffer.from(`${claim}|${filler}|${mac(claim, filler)}`).toString('base64');
}

/** The bytes of either base64 alphabet; the sentinel counts as itself when sent as plain text. */
function decoded(signature: string): string {
  return Buffer.from(signature.replace(/-/g, '+').replace(/_/g, '/'), 'base64').toString('utf8');
}

export function isSentinel(signature: string): boolean {
  return signature === sentinel || decoded(signature) === sentinel;
}

/**
 * Whether the fake issued `signature` for this model and this kind of part. The real API does not look at the part; a
 * translator that attaches a signature to another call is wrong all the same.
 */
export function isIssued(signature: string, part: SignedPart): boolean {
  const fields = decoded(signature).split('|');
  if (fields.length !== 6 || fields[0] !== prefix) return false;
  const [, model, on, number, filler, given] = fields;
  return model === part.model && on === part.on && given === mac(`${prefix}|${model}|${on}|${number}`, filler ?? '');
}

function mac(claim: string, filler: string): string {
  return createHmac('sha256', key).update(`${claim}|${filler}`).digest('hex');
}
