import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What secrets of gateway keys begin with, and those of admin keys. They differ in length, so neither is taken for the other. */
export const keyPrefix = 'sk-postern-';
export const adminPrefix = 'sk-postern-admin-';

/** Characters of a static or imported key, at least. */
export const shortestKey = 20;

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomLength = 43;
const checksumLength = 6;
const inAlphabet = /^[0-9A-Za-z]+$/;

function base62(value: bigint, width: number): string {
  let text = '';
  for (let rest = value; text.length < width; rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text;
}

const checksum = (text: string): string => base62(BigInt(crc32(text)), checksumLength);

/**
 * A new secret: prefix, 256 random bits as 43 base62 digits, and the CRC-32 of all that as 6 more, so that a scanner tells a leaked key
 * from other text without asking anybody. The form is that of GitHub's tokens
 * (https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/).
 */
export function newSecret(prefix: string): string {
  const text = prefix + base62(BigInt(`0x${randomBytes(32).toString('hex')}`), randomLength);
  return text + checksum(text);
}

/** Whether a text is one that `newSecret` may have made. */
export function isWellFormed(secret: string, prefix: string): boolean {
  const end = prefix.length + randomLength;
  if (secret.length !== end + checksumLength || !secret.startsWith(prefix) || !inAlphabet.test(secret.slice(prefix.length)))
    return false;
  return checksum(secret.slice(0, end)) === secret.slice(end);
}

/** The first characters of a secret, to tell keys apart: of those of ours a handful of 256 bits, of others nothing. */
export const hintOf = (secret: string, prefix: string): string | null =>
  isWellFormed(secret, prefix) ? `${secret.slice(0, prefix.length + 4)}…` : null;
