import { MAX_DURATION, parseDuration, parseSize, type UnitFault } from './units.ts';

/** What a format check says about a text: the value for the snapshot, or what is wrong and what to do. */
export type FormatResult = { readonly value: string | number } | { readonly message: string; readonly hint: string };

/** The formats of `schemas/config.ts`. No message quotes the text: it may come from the environment. */
export const formats: Readonly<Record<string, (text: string) => FormatResult>> = {
  duration: (text) =>
    quantity(parseDuration(text), text, 'duration', 'ms, s, m, h or d', '30s', `${Math.floor(MAX_DURATION / 86_400_000)}d`),
  size: (text) =>
    quantity(parseSize(text), text, 'size', 'B, KB, MB, GB, KiB, MiB or GiB', '32MiB', `${Number.MAX_SAFE_INTEGER}B`),
  instant,
  'base-url': baseUrl,
  'key-32': encryptionKey,
};

function quantity(
  parsed: number | UnitFault,
  text: string,
  noun: string,
  units: string,
  example: string,
  longest: string,
): FormatResult {
  if (typeof parsed === 'number') return { value: parsed };
  switch (parsed) {
    case 'missing':
      return { message: `the ${noun} has no unit`, hint: `write ${withUnit(text, example)}` };
    case 'fraction':
      return { message: `the ${noun} is not a whole number of its smallest unit`, hint: `use a finer unit (${units})` };
    case 'range':
      return { message: `the ${noun} is too large`, hint: `the largest is ${longest}` };
    case 'unknown':
      return { message: `this is not a ${noun}`, hint: `write a number and one of ${units}, for example ${example}` };
  }
}

/** `30` with the unit of the example, when it is short enough to be a plain mistake. */
function withUnit(text: string, example: string): string {
  return /^\d{1,6}$/.test(text)
    ? `${text}${example.replace(/^\d+/, '')}, not a bare number`
    : `it with a unit, for example ${example}`;
}

function instant(text: string): FormatResult {
  const [, day, time] = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2})?Z)?$/.exec(text) ?? [];
  const at = new Date(`${day}${time ?? 'T00:00:00Z'}`);
  // 30 February is 2 March to Date.
  if (day === undefined || Number.isNaN(at.getTime()) || !at.toISOString().startsWith(day)) {
    return { message: 'this is not a day, nor a time in UTC', hint: 'write 2026-12-31, or 2026-12-31T18:00:00Z' };
  }
  return { value: text };
}

/** Addresses under which clouds hand out credentials to whoever asks from the inside. */
const metadataHosts = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '[fd00:ec2::254]',
  'metadata.google.internal',
]);

function baseUrl(text: string): FormatResult {
  const example = 'for example https://api.example.com/v1';
  // URL parsing strips line breaks and tabs silently.
  if (/[\s\p{Cc}]/u.test(text)) return { message: 'the URL holds white space or a control character', hint: 'remove it' };
  if (!/^https?:\/\//i.test(text))
    return { message: 'the URL does not start with http:// or https://', hint: `write the whole URL, ${example}` };
  const url = URL.parse(text);
  if (url === null) return { message: 'this is not a URL', hint: `write scheme, host and path, ${example}` };
  if (url.username !== '' || url.password !== '')
    return { message: 'the URL holds a user name or password', hint: 'put the credential into api_key or headers' };
  if (url.search !== '' || text.includes('?')) return { message: 'the URL has a query', hint: 'put its parameters into `query`' };
  if (text.includes('#')) return { message: 'the URL has a fragment (#...)', hint: 'remove it: it would never be sent' };
  if (metadataHosts.has(url.hostname))
    return { message: 'the host is a cloud metadata service', hint: 'use the address of a model provider' };
  const operation = /\/(?:chat\/completions|completions|embeddings|responses|messages|models)\/*$/.exec(url.pathname);
  if (operation !== null)
    return {
      message: `the URL ends in the path of an operation (${operation[0]})`,
      hint: 'cut that off: the base is what comes before it',
    };
  return { value: text };
}

function encryptionKey(text: string): FormatResult {
  const hint = 'generate one: `openssl rand -base64 32`';
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return { message: 'the key is not base64', hint };
  const { length } = Buffer.from(text, 'base64');
  return length === 32 ? { value: text } : { message: `the key has ${length} bytes instead of 32`, hint };
}
