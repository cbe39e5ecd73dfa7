import { isIP, isIPv6 } from 'node:net';

/** Where a listener is bound. `host` has no brackets; `::` stands for every address, IPv4 included. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Longest path of a unix socket that Linux takes (`sun_path` holds 108 bytes with its NUL). */
const MAX_SOCKET_PATH = 107;

/** `host:port`, `[v6]:port`, `:port` (every address) or `unix:/path`; else what is wrong with it, as a sentence. */
export function parseListen(text: string): ListenAddress | string {
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    if (path === '' || path.includes('\0')) return 'the socket path after `unix:` is empty or not a path';
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH) return `the socket path is longer than ${MAX_SOCKET_PATH} bytes`;
    return { kind: 'unix', path };
  }
  const match = /^(\[[^[\]]*\]|[^:[\]]*):(\d{1,5})$/.exec(text);
  if (match === null) return 'the address is not `host:port`';
  const [, written = '', digits = ''] = match;
  const port = Number(digits);
  if (port > 65_535) return 'the port is above 65535';
  if (written === '') return { kind: 'tcp', host: '::', port };
  const host = written.startsWith('[') ? written.slice(1, -1) : written;
  if (written.startsWith('[') ? !isIPv6(host) : isIP(host) === 0 && !isHostname(host))
    return 'the host is neither an IP address nor a host name';
  return { kind: 'tcp', host, port };
}

function isHostname(host: string): boolean {
  // Digits and dots alone are a mistyped IPv4 address, not a name.
  return host.length <= 253 && /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(host) && !/^[\d.]+$/.test(host);
}

/** The inverse of `parseListen`. */
export function formatListen(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

/** A name or address that only this machine reaches: 127.0.0.0/8, ::1, localhost. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true;
  return isIP(name) === 4 ? name.startsWith('127.') : /^::ffff:127\./.test(name);
}

/** Stands for every address of the machine. */
export function isWildcardHost(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Only processes of this machine reach it: loopback, or a unix socket. */
export function isLocal(address: ListenAddress): boolean {
  return address.kind === 'unix' || isLoopbackHost(address.host);
}

/** Two listeners that cannot both be opened. Port 0 asks for any free port and never collides. */
export function collide(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  if (a.port !== b.port || a.port === 0) return false;
  return isWildcardHost(a.host) || isWildcardHost(b.host) || sameHost(a.host, b.host);
}

function sameHost(a: string, b: string): boolean {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  if (left === right) return true;
  // `localhost` may resolve to either family.
  return (left === 'localhost' && isLoopbackHost(right)) || (right === 'localhost' && isLoopbackHost(left));
}
