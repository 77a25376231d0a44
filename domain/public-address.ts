import ipaddr from 'ipaddr.js';

const isIpv4 = (address: ipaddr.IPv4 | ipaddr.IPv6): address is ipaddr.IPv4 => address.kind() === 'ipv4';

/** RFC 2544's networks for benchmarks, which are routed nowhere. */
const benchmarks = ipaddr.IPv4.parseCIDR('198.18.0.0/15');
/** All of IPv6 that is given out for hosts of the internet (RFC 4291, section 2.4), and IETF's own part of it (RFC 2928). */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');
const ietf = ipaddr.IPv6.parseCIDR('2001::/23');

/**
 * Whether an IP address is a host of the internet. Loopback, private, link-local, shared (RFC 6598), unspecified and
 * multicast ones are not, and no IPv6 form that carries an IPv4 address: mapped, compatible, NAT64, 6to4, Teredo.
 */
export function isPublicIp(ip: string): boolean {
  if (!ipaddr.isValid(ip)) return false;
  const address = ipaddr.parse(ip);
  if (address.range() !== 'unicast') return false;
  return isIpv4(address) ? !address.match(benchmarks) : address.match(globalUnicast) && !address.match(ietf);
}

/** Whom a limit by address counts: the IPv4 address, mapped or not, or the /64 of an IPv6 one, which is one host's at least. */
export function addressGroup(ip: string): string {
  if (!ipaddr.isValid(ip)) return ip;
  const address = ipaddr.process(ip);
  return isIpv4(address) ? address.toString() : `${address.parts.slice(0, 4).join(':')}/64`;
}

/** Names inside by RFC 6761, RFC 6762, RFC 8375 or custom, and names without a dot, which a search list completes. */
const insideName = /^[^.]*$|(^|\.)(localhost|local|internal|lan|intranet|home\.arpa)$/;

const bareHost = (hostname: string): string =>
  hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
const isAddress = (host: string): boolean => host.includes(':') || ipaddr.IPv4.isValid(host);

/** Whether a URL's host name may be a host of the internet, as far as the name tells; its addresses are checked later. */
export function isPublicHost(hostname: string): boolean {
  const host = bareHost(hostname);
  return isAddress(host) ? isPublicIp(host) : !insideName.test(host);
}

/** Networks inside that an operator allows, each as its address and the length of its prefix in bits. */
export type Networks = readonly (readonly [address: string, bits: number])[];

/** Networks as a list in CIDR notation with commas between them; null for anything else. */
export function readNetworks(list: string): Networks | null {
  try {
    return list.split(',').map((text) => {
      const [address, bits] = ipaddr.parseCIDR(text.trim());
      return [address.toString(), bits] as const;
    });
  } catch {
    return null;
  }
}

/** Whether an IP address may be connected to: a host of the internet, or one of these networks. */
export function mayReachIp(ip: string, networks: Networks): boolean {
  if (isPublicIp(ip)) return true;
  if (!ipaddr.isValid(ip)) return false;
  const address = ipaddr.process(ip);
  return networks.some(([network, bits]) => {
    const other = ipaddr.parse(network);
    return isIpv4(address) ? isIpv4(other) && address.match(other, bits) : !isIpv4(other) && address.match(other, bits);
  });
}

/** The same for the host name of a URL, as far as the name tells; its addresses are checked later. */
export function mayReachHost(hostname: string, networks: Networks): boolean {
  const host = bareHost(hostname);
  if (isAddress(host)) return mayReachIp(host, networks);
  return isPublicHost(host) || networks.length > 0;
}

/**
 * An address that is set for the product to call: http or https, without credentials of its own; as a `host`, host and
 * port alone mean https. Null for anything else, and for blanks or control characters anywhere: URL parsers skip those, checks do not.
 */
export function readAddress(text: string, kind: 'url' | 'host'): URL | null {
  if (!/^[\x21-\x7e]{1,2000}$/.test(text)) return null;
  const withScheme = kind === 'host' && !text.includes('://') ? `https://${text}` : text;
  if (!URL.canParse(withScheme)) return null;
  const url = new URL(withScheme);
  const known = url.protocol === 'https:' || url.protocol === 'http:';
  return known && url.hostname && !url.username && !url.password ? url : null;
}
