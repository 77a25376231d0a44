import dns, { type LookupAddress, type LookupAllOptions } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { isPublicHost, mayReachHost, mayReachIp, type Networks } from '../../domain/public-address.ts';

/** Why a connection was refused. Its text names no address: what a name resolves to is not the caller's to see. */
class NotPublicError extends Error {
  readonly code = 'ENOTPUBLIC';

  constructor() {
    super('The address is not a host of the internet.');
    this.name = 'NotPublicError';
  }
}

type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** A lookup that refuses a name of which any address is inside; the connection is made to the answer that was checked. */
const publicOnly =
  (resolve: Resolve, networks: Networks): LookupFunction =>
  (hostname, options, done) =>
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) done(error ?? new NotPublicError(), '', 0);
      else if (!addresses.every(({ address }) => mayReachIp(address, networks))) done(new NotPublicError(), '', 0);
      else if (options.all) done(null, addresses);
      else done(null, first.address, first.family);
    });

/** Throws for a host name that is surely none of the internet. */
export function requirePublicHost(hostname: string): void {
  if (!isPublicHost(hostname)) throw new NotPublicError();
}

/**
 * Agents that connect to hosts of the internet, and to `networks` inside, alone. A name is checked each time that it is resolved, since the answer may
 * change; a host that is an address is never resolved, so it is checked where the connection is made.
 */
export function createPublicAgents(
  resolve: Resolve = dns.lookup,
  networks: Networks = [],
): { httpAgent: http.Agent; httpsAgent: https.Agent } {
  const lookup = publicOnly(resolve, networks);
  const guard = <A extends http.Agent>(agent: A): A => {
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (options, done) => {
      if (mayReachHost(options.host ?? '', networks)) return connect({ ...options, lookup }, done);
      process.nextTick(() => done?.(new NotPublicError(), undefined as never));
      return undefined;
    };
    return agent;
  };
  return {
    httpAgent: guard(new http.Agent({ keepAlive: true })),
    httpsAgent: guard(new https.Agent({ keepAlive: true })),
  };
}
