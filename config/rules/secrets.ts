import type { Path } from '../tree.ts';
import { type RuleContext, report } from './context.ts';

/** Refuses secrets that protect nothing: examples, placeholders, and one secret given to several holders. */
export function checkSecrets(context: RuleContext): void {
  const { keys = {}, management, providers = {}, encryption_key: encryption } = context.draft;
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
  if (encryption !== undefined && new Set(Buffer.from(encryption, 'base64')).size < 8) {
    report(context, ['encryption_key'], 'the key is not random', 'generate one: `openssl rand -base64 32`');
  }
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

function weakness(secret: string): string | null {
  if (placeholder(secret)) return 'an example or a placeholder';
  return new Set(secret).size < 5 ? 'too easily guessed' : null;
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
