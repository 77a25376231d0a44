import type { Request } from 'express';
import ipaddr from 'ipaddr.js';

/**
 * The address of a request's client: of its connection, and behind proxies of `TRUSTED_PROXIES` the one that they name in
 * `X-Forwarded-For`, read from its end. An IPv4 address that came mapped into IPv6 is written as IPv4.
 */
export function clientAddress({ ip = '' }: Pick<Request, 'ip'>): string {
  return ipaddr.isValid(ip) ? ipaddr.process(ip).toString() : 'unknown';
}
