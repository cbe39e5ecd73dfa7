import { hash } from 'node:crypto';
import type { Kept } from '../../providers/provider.ts';
import type { ReasoningPart } from '../../providers/unified.ts';

/**
 * The key of one tenant's tool call: SHA-256, base64url, 43 characters. Ids come from callers, so they are no keys themselves;
 * the length keeps a tenant and an id from being told apart differently.
 */
export function recordKey(tenant: string, id: string): string {
  return hash('sha256', `${tenant.length}\0${tenant}\0${id}`, 'base64url');
}

/** JSON text of what has to be kept, and nothing else of it. */
export function toText({ id, dialect, issuer, signature, reasoning }: Kept): string {
  return JSON.stringify({ id, dialect, issuer, signature, reasoning: reasoning?.map(reasoningOf) });
}

function reasoningOf({ text, signature, redacted, dialect }: Partial<ReasoningPart>): object {
  return { text, signature, redacted, dialect };
}

/** Null for anything `toText` did not write. The result is made of strings only, so no key of the text reaches a prototype. */
export function fromText(text: string): Kept | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const { id, dialect, issuer, signature, reasoning } = value;
  if (typeof id !== 'string' || typeof dialect !== 'string' || typeof issuer !== 'string' || !isOptional(signature)) return null;
  const parts = reasoning === undefined ? undefined : reasoningParts(reasoning);
  if (parts === null) return null;
  return {
    id,
    dialect,
    issuer,
    ...(signature === undefined ? {} : { signature }),
    ...(parts === undefined ? {} : { reasoning: parts }),
  };
}

function reasoningParts(list: unknown): readonly ReasoningPart[] | null {
  if (!Array.isArray(list)) return null;
  const parts: ReasoningPart[] = [];
  for (const each of list) {
    if (!isRecord(each)) return null;
    const { text, signature, redacted, dialect } = each;
    if (typeof text !== 'string' || !isOptional(signature) || !isOptional(redacted) || !isOptional(dialect)) return null;
    parts.push({
      type: 'reasoning',
      text,
      ...(signature === undefined ? {} : { signature }),
      ...(redacted === undefined ? {} : { redacted }),
      ...(dialect === undefined ? {} : { dialect }),
    });
  }
  return parts;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOptional(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
