const MAX_LENGTH = 500;
/** Text looked at; the patterns below are linear, but an error page may be large. */
const MAX_INPUT = 8192;

/** Provider keys by the prefixes vendors give them, whole or masked with asterisks. */
const KEYS = /\b(?:sk|pk|rk|gsk|xai|nvapi|pplx|csk|fw|hf|r8|tgp)[-_][\w.*-]{6,}|\b(?:AIza|AKIA|ya29\.)[\w.*-]{8,}/g;
const BEARER = /\b(bearer|basic|x-api-key:?|api[-_ ]?key(?: provided)?[:=])\s+[^\s,;"']{4,}/gi;
const URLS = /\b[a-z][a-z0-9+.-]{1,15}:\/\/[^\s"'<>)\]]+/gi;
/** Frames of a stack trace, and files by line. */
const FRAMES = /\bat [\w$.<>[\] ]{0,128}\([^()\s]{1,512}:\d+(?::\d+)?\)|\(?(?:\/[\w@.+-]{1,128}){2,32}:\d+(?::\d+)?\)?/g;
const RUNS = /[A-Za-z0-9]{20,}/g;

/** Key material and digests change between letters, capitals and digits all the time; words and model names do not. */
function looksRandom(run: string): boolean {
  let changes = 0;
  for (let i = 1; i < run.length; i++) if (kindOf(run.charCodeAt(i)) !== kindOf(run.charCodeAt(i - 1))) changes++;
  return changes >= run.length / 4;
}

function kindOf(code: number): number {
  return code < 0x3a ? 0 : code < 0x5b ? 1 : 2;
}

/**
 * An upstream's error text made fit to be seen: markup, URLs, stack frames, control characters and whatever looks like a credential are gone,
 * `secrets` (the values this provider was sent) too; one line of at most 500 characters.
 */
export function scrub(text: string, secrets: readonly string[] = []): string {
  let clean = text.slice(0, MAX_INPUT);
  for (const secret of secrets) if (secret.length >= 6) clean = clean.replaceAll(secret, '[redacted]');
  clean = clean
    .replace(/<(script|style)\b[^>]{0,512}>[\s\S]{0,8192}?<\/\1>/gi, ' ')
    .replace(/<\/?[a-z!][^<>]{0,512}>/gi, ' ')
    .replace(URLS, '')
    .replace(FRAMES, '')
    .replace(BEARER, '$1 [redacted]')
    .replace(KEYS, '[redacted]')
    .replace(RUNS, (run) => (looksRandom(run) ? '[redacted]' : run))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  if (clean.length <= MAX_LENGTH) return clean;
  return `${clean.slice(0, MAX_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** What has to be removed from messages: every header value sent, and the part behind an auth scheme. */
export function secretsOf(...sent: readonly Readonly<Record<string, string>>[]): readonly string[] {
  const secrets: string[] = [];
  for (const value of sent.flatMap((headers) => Object.values(headers))) {
    secrets.push(value);
    const space = value.indexOf(' ');
    if (space > 0) secrets.push(value.slice(space + 1));
  }
  return secrets.sort((a, b) => b.length - a.length);
}
