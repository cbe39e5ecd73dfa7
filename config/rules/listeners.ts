import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { providerDefaults } from '../../providers/instance.ts';
import { collide, isLocal, isLoopbackHost, isWildcardHost, type ListenAddress, parseListen } from '../listen.ts';
import { enabledProviders, type RuleContext, report } from './context.ts';

/** Checks the addresses of both listeners, what may reach them, and that no provider points back at them. */
export function checkListeners(context: RuleContext): void {
  const { server, management } = context.draft;
  const main = checkAddress(context, ['server', 'listen'], server?.listen);
  const second = checkAddress(context, ['management', 'listen'], management?.listen);
  if (main !== null && second !== null && collide(main, second)) {
    report(
      context,
      ['management', 'listen'],
      'both listeners have the same address',
      'give management.listen (MANAGEMENT_LISTEN) its own port',
    );
  }
  if (server?.workers !== undefined && server.workers > 1) {
    const message = 'more than one worker is not supported: limits, breakers and metrics would be wrong across them';
    report(context, ['server', 'workers'], message, 'set it to 1 and run more replicas instead');
  }
  checkTrust(context);
  for (const [index, origin] of (server?.cors?.origins ?? []).entries()) {
    if (origin === undefined || (URL.parse(origin)?.origin === origin && /^https?:/.test(origin))) continue;
    const message = origin === '*' ? '"*" would let every web page use this gateway' : 'this is not an origin';
    report(context, ['server', 'cors', 'origins', index], message, 'write scheme://host or scheme://host:port, without a path');
  }
  checkLoops(
    context,
    [main, second].filter((address) => address !== null),
  );
}

function checkAddress(context: RuleContext, path: readonly string[], written: string | undefined): ListenAddress | null {
  if (written === undefined) return null;
  const address = parseListen(written);
  if (typeof address !== 'string') return address;
  report(context, path, address, 'write host:port (127.0.0.1:4000), [v6]:port, :port for every address, or unix:/path');
  return null;
}

function checkTrust(context: RuleContext): void {
  for (const [index, entry] of (context.draft.server?.trust_proxy ?? []).entries()) {
    if (entry === undefined) continue;
    const path = ['server', 'trust_proxy', index];
    const [address = '', prefix, ...rest] = entry.split('/');
    const family = isIP(address);
    const bits = prefix === undefined ? 1 : /^\d{1,3}$/.test(prefix) ? Number(prefix) : 999;
    if (family === 0 || rest.length > 0 || bits > (family === 4 ? 32 : 128)) {
      report(context, path, 'this is neither an IP address nor a CIDR', 'write for example 10.0.0.0/8 or 192.168.1.10');
    } else if (bits === 0) {
      report(context, path, 'this would believe the X-Forwarded-For header of anybody', 'name the addresses of your proxies');
    }
  }
}

/** SDKs use `*_BASE_URL` for the opposite direction: the address of this gateway. */
function checkLoops(context: RuleContext, listeners: readonly ListenAddress[]): void {
  for (const { name, entry, type } of enabledProviders(context)) {
    const written = entry.base_url ?? providerDefaults(type, entry.preset).base_url;
    const url = URL.parse(written === undefined || type.serve !== undefined ? '' : written);
    if (url === null || !listeners.some((listener) => pointsAt(url, listener))) continue;
    const message = 'the base URL is one of our own listeners: requests would go round in a circle';
    const hint =
      'write the URL of the model provider. A variable such as OPENAI_BASE_URL means the provider here; ' +
      'in the application that uses this gateway it means the gateway, so set it there only';
    report(context, ['providers', name, 'base_url'], message, hint);
  }
}

function pointsAt(url: URL, listener: ListenAddress): boolean {
  if (listener.kind === 'unix') return false;
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  if (port !== listener.port) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === listener.host.toLowerCase()) return true;
  const local = isLoopbackHost(host) || isWildcardHost(host);
  if (!isWildcardHost(listener.host)) return local && isLoopbackHost(listener.host);
  return local || ownNames().has(host);
}

/** Asked only when a provider has the port of a listener that is open on every address. */
function ownNames(): Set<string> {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  return new Set([hostname().toLowerCase(), ...addresses]);
}

/** Without any key, only this machine may reach the main listener, unless keyless use was asked for by name. */
export function checkKeyless(context: RuleContext, derived: boolean): void {
  const address = parseListen(context.draft.server?.listen ?? '');
  if (!derived || typeof address === 'string' || isLocal(address)) return;
  const hint =
    'set GATEWAY_API_KEYS (or write keys:), or AUTH_MODE=gateway with ADMIN_API_KEY to make keys through the admin API, ' +
    'or set AUTH_MODE=none if something in front of this gateway authenticates its callers';
  report(context, ['server', 'listen'], 'there is no gateway key, and the address is reachable from other machines', hint);
}
