import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

// Where this process may connect to. Vendor hosts never resolve to private space (DNS rebinding, SSRF); a base URL that the
// operator wrote is trusted, except for the addresses on which clouds serve credentials.

const metadata = new BlockList();
for (const address of [
  '169.254.169.254', // AWS, Azure, Google Cloud, DigitalOcean, OpenStack
  '169.254.170.2', // AWS ECS
  '169.254.170.23', // AWS EKS pod identity
  '100.100.100.200', // Alibaba Cloud
  '192.0.0.192', // Oracle Cloud
  '168.63.129.16', // Azure wire server
]) {
  metadata.addAddress(address, 'ipv4');
}
for (const address of ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254']) metadata.addAddress(address, 'ipv6');

const reserved = new BlockList();
// IANA special-purpose address registries (RFC 6890 and successors).
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  reserved.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  reserved.addSubnet(network, prefix, 'ipv6');
}

/** The eight groups of an IPv6 address, however it is spelt. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [left, right] = [groups(head), groups(tail ?? '')];
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

const mapped = '0:0:0:0:0:ffff';
/** Networks whose last 32 bits are an IPv4 address: mapped and compatible (RFC 4291), NAT64 (RFC 6052). 6to4 has it in front (RFC 3056). */
const carriers: ReadonlySet<string> = new Set([mapped, '0:0:0:0:0:0', '64:ff9b:0:0:0:0']);

/** The IPv4 address inside an IPv6 one; `mapped`: it is nothing but another spelling of it, else a gateway stands between. */
function embeddedIPv4(address: string): { readonly ip: string; readonly mapped: boolean } | null {
  const groups = groupsOf(address);
  const network = groups
    .slice(0, 6)
    .map((group) => group.toString(16))
    .join(':');
  const at = groups[0] === 0x2002 ? 1 : carriers.has(network) ? 6 : null;
  if (at === null) return null;
  const [high, low] = [groups[at]!, groups[at + 1]!];
  return { ip: `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`, mapped: network === mapped };
}

/** `vendor`: the host is the vendor's own, so only public addresses are right. Anything that is no IP address is refused. */
export function mayConnect(address: string, vendor: boolean): boolean {
  const plain = address.split('%', 1)[0]!;
  const version = isIP(plain);
  if (version === 0) return false;
  const embedded = version === 6 ? embeddedIPv4(plain) : null;
  if (embedded !== null && metadata.check(embedded.ip, 'ipv4')) return false;
  const [ip, family] = embedded?.mapped ? ([embedded.ip, 'ipv4'] as const) : ([plain, version === 4 ? 'ipv4' : 'ipv6'] as const);
  if (metadata.check(ip, family)) return false;
  return !vendor || !reserved.check(ip, family);
}

/** A connection that was not attempted, by policy. */
export class EgressError extends Error {
  readonly code = 'POSTERN_EGRESS';
  constructor() {
    super('the provider host resolves to an address this gateway never connects to');
    this.name = 'EgressError';
  }
}

type LookupCallback = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/**
 * A `lookup` for sockets that refuses forbidden addresses. Lookups of one name in flight share one thread of the pool of
 * four, so that a name server which hangs for one provider does not stop the others.
 */
export function guardedLookup(vendor: boolean): LookupFunction {
  const flights = new Map<string, LookupCallback[]>();

  function resolveOnce(hostname: string, callback: LookupCallback): void {
    const waiting = flights.get(hostname);
    if (waiting !== undefined) {
      waiting.push(callback);
      return;
    }
    const callbacks = [callback];
    flights.set(hostname, callbacks);
    lookup(hostname, { all: true }, (error, addresses) => {
      flights.delete(hostname);
      for (const each of callbacks) each(error, addresses);
    });
  }

  return (hostname, options, callback) => {
    resolveOnce(hostname, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      if (addresses.some(({ address }) => !mayConnect(address, vendor))) {
        callback(new EgressError() as NodeJS.ErrnoException, []);
        return;
      }
      const family = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : (options.family ?? 0);
      const usable = family === 0 ? addresses : addresses.filter((each) => each.family === family);
      if (usable.length === 0) {
        callback(Object.assign(new Error(`no address of family ${family}`), { code: 'ENOTFOUND' }), []);
      } else if (options.all === true) callback(null, usable);
      else callback(null, usable[0]!.address, usable[0]!.family);
    });
  };
}
