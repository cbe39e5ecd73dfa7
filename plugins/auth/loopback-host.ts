/** `127.0.0.0/8` in dotted form; anything else that starts with 127 is a name. */
function isLoopbackV4(host: string): boolean {
  const parts = host.split('.');
  return parts.length === 4 && parts[0] === '127' && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/**
 * A `Host` header that only names this machine: `localhost`, `*.localhost` (RFC 6761 §6.3), `127.0.0.0/8` or `[::1]`, with
 * or without a port. A page on another origin that resolves its own name to loopback cannot send one (DNS rebinding).
 */
export function isLoopbackHost(header: string | undefined): boolean {
  if (header === undefined) return false;
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]@/\\\s]+)(?::\d{1,5})?$/i.exec(header);
  if (match === null) return false;
  const host = match[1]!.toLowerCase();
  return host === 'localhost' || host === '[::1]' || host.endsWith('.localhost') || isLoopbackV4(host);
}
