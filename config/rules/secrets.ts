import type { Path } from '../tree.ts';
import { type RuleContext, report } from './context.ts';

/** Refuses secrets that protect nothing: examples, placeholders, and one secret given to several holders. */
export function checkSecrets(context: RuleContext): void {
  const { keys = {}, management, providers = {} } = context.draft;
  const holders = new Map<string, string>();
  const checkGuard = (secret: string | undefined, path: readonly string[], holder: string) => {
    if (secret === undefined) return;
    const fault = weakness(secret);
    if (fault !== null) report(context, path, `the secret is ${fault}`, 'generate one: `openssl rand -hex 32`');
    else if (/[^\x21-\x7e]/.test(secret)) {
      report(
        context,
        path,
        'the secret holds a space, a control character or a letter outside ASCII',
        'callers send it in a header: use printable ASCII',
      );
    }
    const other = holders.get(secret);
    if (other !== undefined) report(context, path, `the secret is the same as that of ${other}`, 'give each its own');
    else holders.set(secret, holder);
  };
  for (const [name, key] of Object.entries(keys)) checkGuard(key?.secret, ['keys', name, 'secret'], `keys.${name}`);
  checkGuard(management?.admin_api_key, ['management', 'admin_api_key'], 'management.admin_api_key');
  checkEncryption(context, holders);
  for (const [name, provider] of Object.entries(providers)) {
    // Servers without keys are given words such as EMPTY or none, so only what was left to be filled in is refused.
    const checkKey = (key: string | undefined, path: Path, hint: string) => {
      if (key === undefined || key === '' || !placeholder(key)) return;
      report(context, ['providers', name, ...path], 'the API key is a placeholder', hint);
    };
    checkKey(provider?.api_key, ['api_key'], 'put the real key there, or remove the provider');
    for (const [index, each] of (provider?.api_keys ?? []).entries()) {
      checkKey(each?.key, ['api_keys', index, 'key'], 'put the real key there, or remove it from the list');
    }
  }
}

/** Checks the keys that encrypt what is written down: random, in no other use, and given where several processes need the same. */
function checkEncryption(context: RuleContext, holders: ReadonlyMap<string, string>): void {
  const { encryption_key: key, previous_encryption_keys: previous = [], redis_url: redis } = context.draft;
  const generate = 'generate one: `openssl rand -base64 32`';
  if (key === undefined) {
    if (redis === undefined || context.findings.has('encryption_key')) return;
    const message =
      'with Redis the keys and teams are shared and encrypted, and the key that every replica needs for them is not given';
    report(
      context,
      ['encryption_key'],
      message,
      `${generate}, and give all replicas the same as ENCRYPTION_KEY (or encryption_key)`,
    );
    return;
  }
  const bytes = Buffer.from(key, 'base64');
  if (isPredictable(bytes)) report(context, ['encryption_key'], 'the key is not random', generate);
  const holder = holders.get(key);
  if (holder !== undefined) report(context, ['encryption_key'], `the key is the same as the secret of ${holder}`, generate);
  for (const [index, each] of previous.entries()) {
    if (each === undefined || !bytes.equals(Buffer.from(each, 'base64'))) continue;
    const message = 'this is the key in use, not one before it';
    report(context, ['previous_encryption_keys', index], message, 'remove it, or put the new key into encryption_key');
  }
}

/** Few different bytes, text (of 32 random bytes one in 10^14 is), or an even row of numbers. */
function isPredictable(bytes: Buffer): boolean {
  const steps = bytes.subarray(1).map((byte, at) => byte - bytes[at]!);
  return new Set(bytes).size < 8 || new Set(steps).size < 4 || bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

function weakness(secret: string): string | null {
  if (placeholder(secret)) return 'an example or a placeholder';
  return new Set(secret).size < 5 || isRow(secret) || /^(.{1,8})\1+.{0,7}$/s.test(secret) ? 'too easily guessed' : null;
}

/** Mostly letters or digits in the order of the alphabet: `12345678901234567890`, `abcdefghijklmnopqrst`. */
function isRow(secret: string): boolean {
  let even = 0;
  for (let at = 1; at < secret.length; at++) if (Math.abs(secret.charCodeAt(at) - secret.charCodeAt(at - 1)) <= 1) even++;
  return even >= (secret.length - 1) * 0.8;
}

/** Text that stands where a secret should be: `changeme`, `your-api-key-here`, `sk-...`, `<key>`, `xxxxxxxx`. */
export function placeholder(secret: string): boolean {
  if (/\.\.\.|…|^<.*>$|^\$[A-Z0-9_]+$|^\{.*\}$/.test(secret)) return true;
  const letters = secret.toLowerCase().replace(/[^a-z0-9]/g, '');
  return filledIn.test(letters) || (letters.length <= 48 && onlyWords.test(letters));
}

const filledIn = /change(?:this|me|it)|replace(?:me|this|with)|your[a-z]{0,16}(?:key|secret|token)|keyhere|placeholder|x{8}/;
const onlyWords =
  /^(?:the|my|some|super|very)*(?:secret|password|passw0rd|example|sample|dummy|test|todo|key|api|token|admin|foobar)+(?:123)?$/;
