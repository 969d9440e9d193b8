import ipaddr from 'ipaddr.js';

/** A range of addresses, as in `10.0.0.0/8`. */
export type Cidr = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** One household or office usually gets 56 bits of IPv6; of IPv4 a single address, which many may share. */
const IPV6_PREFIX_BYTES = 7;

/** Reads `10.0.0.0/8`, or a single address; throws an Error for anything else. */
export function parseCidr(text: string): Cidr {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) throw new Error('no address');
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/**
 * Who is calling: the peer, or, when that is a trusted proxy, the last address in `X-Forwarded-For` that is none. What
 * stands before that anybody may have written. Undefined when there is no readable address.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly Cidr[],
): string | undefined {
  const hops = [...(forwardedFor ?? '').split(','), peer ?? ''].map((hop) => hop.trim());
  let address = parse(hops.pop());
  while (address !== undefined && isTrusted(address, trusted)) {
    const hop = hops.pop();
    // Everything was a proxy of ours: the outermost one calls for itself.
    if (hop === undefined || hop === '') break;
    address = parse(hop);
  }
  return address?.toString();
}

/** What a budget is for: the IPv4 address, or the first 56 bits of the IPv6 one. Never stored, only tagged. */
export function prefixOf(address: string): string {
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return parsed
    .toByteArray()
    .slice(0, IPV6_PREFIX_BYTES)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

/** IPv4 inside IPv6 becomes IPv4, or one caller would have two budgets. */
function parse(text: string | undefined): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  return text !== undefined && ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}

function isTrusted(address: ipaddr.IPv4 | ipaddr.IPv6, trusted: readonly Cidr[]): boolean {
  return trusted.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
}
