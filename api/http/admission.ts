import type { Request, Response } from 'express';
import { takeTicket } from '../../db/queries/tenants/realtime-tickets.ts';
import { addressGroup } from '../../domain/public-address.ts';
import type { Context } from '../../services/context.ts';
import { Problem } from '../../services/problem.ts';
import { isOfForeignPage, protocolKey } from '../realtime/credentials.ts';
import { bearerOf, createKeyring, findKey, unauthorized, type ValidKey } from './auth.ts';
import { clientAddress } from './client-address.ts';
import { createConcurrency } from './concurrency.ts';
import { createLimit } from './rate-limit.ts';
import type { Route, Transport } from './route.ts';

/** The key of a request, and how to look it up again. */
interface Admitted {
  valid: ValidKey;
  check(): Promise<ValidKey | null>;
}

export type Admission = (request: Request, response: Response, route: Route, transport: Transport) => Promise<Admitted>;

/**
 * Admits requests by their key, at most so many a minute and so many at once. Those without a valid key are counted by
 * address. What is at once is counted until the connection is done with the answer.
 */
export function createAdmission(context: Pick<Context, 'db' | 'config' | 'clock' | 'publicUrl'>): Admission {
  const { db, config } = context;
  const keyring = createKeyring(db);
  const byKey = createLimit(config.RATE_LIMIT_PER_MINUTE);
  const byAddress = createLimit(config.RATE_LIMIT_PER_MINUTE);
  const atOnce = (most: number, what: string) => ({
    key: createConcurrency(most, what),
    tenant: createConcurrency(2 * most, what),
  });
  const requests = atOnce(config.REQUESTS_AT_ONCE_PER_KEY, 'requests');
  const waits = atOnce(config.WAITS_AT_ONCE_PER_KEY, 'waiting requests');
  const lives = atOnce(config.SOCKETS_AT_ONCE_PER_KEY, 'sockets and streams');

  const byTicket = async (ticket: string): Promise<Admitted | null> => {
    const at = performance.now();
    const principal = await db.authentication((em) => takeTicket(em, ticket, context.clock.now()));
    return principal && { valid: { principal, at }, check: () => findKey(db, principal.keyId) };
  };
  const identify = async (request: Request, transport: Transport): Promise<Admitted | null> => {
    const { ticket } = request.query;
    if (transport === 'socket' && typeof ticket === 'string') return byTicket(ticket);
    const key = bearerOf(request) ?? (transport === 'socket' ? protocolKey(request) : null);
    const valid = key && (await keyring(key));
    if (!key || !valid) return null;
    if (transport === 'socket' && isOfForeignPage(request, context.publicUrl)) throw new Problem('foreign_origin');
    return { valid, check: () => keyring(key) };
  };
  return async (request, response, route, transport) => {
    const admitted = await identify(request, transport);
    if (!admitted) {
      await byAddress(addressGroup(clientAddress(request)));
      throw unauthorized();
    }
    const { principal } = admitted.valid;
    response.set(await byKey(principal.keyId));
    // A long poll costs less than other requests and lasts longer.
    const isWait = route.method === 'get' && Number(request.query['wait']) > 0;
    const enter = transport === 'answer' ? (isWait ? waits : requests) : lives;
    response.once('close', enter.key(principal.keyId));
    response.once('close', enter.tenant(principal.tenantId));
    return admitted;
  };
}
