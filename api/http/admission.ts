import type { Request, Response } from 'express';
import { addressGroup } from '../../domain/public-address.ts';
import type { Context } from '../../services/context.ts';
import { requireScope } from '../../services/principal.ts';
import { bearerOf, createKeyring, unauthorized, type ValidKey } from './auth.ts';
import { createConcurrency } from './concurrency.ts';
import { createLimit } from './rate-limit.ts';
import type { Route } from './route.ts';

/** The key of a request, and how to look it up again. */
interface Admitted {
  valid: ValidKey;
  check(): Promise<ValidKey | null>;
}

export type Admission = (request: Request, response: Response, route: Route) => Promise<Admitted>;

/**
 * Admits requests by their key, at most so many a minute and so many at once. Those without a valid key are counted by
 * address. What is at once is counted until the connection is done with the answer.
 */
export function createAdmission({ db, config }: Pick<Context, 'db' | 'config'>): Admission {
  const keyring = createKeyring(db);
  const byKey = createLimit(config.RATE_LIMIT_PER_MINUTE);
  const byAddress = createLimit(config.RATE_LIMIT_PER_MINUTE);
  const { REQUESTS_AT_ONCE_PER_KEY: requests, WAITS_AT_ONCE_PER_KEY: waits } = config;
  const atOnce = {
    request: { key: createConcurrency(requests, 'requests'), tenant: createConcurrency(2 * requests, 'requests') },
    wait: {
      key: createConcurrency(waits, 'waiting requests'),
      tenant: createConcurrency(2 * waits, 'waiting requests'),
    },
  };
  return async (request, response, route) => {
    const key = bearerOf(request);
    const valid = key && (await keyring(key));
    if (!key || !valid) {
      await byAddress(addressGroup(request.socket.remoteAddress ?? ''));
      throw unauthorized();
    }
    const { principal } = valid;
    response.set(await byKey(principal.keyId));
    // A long poll costs less than other requests and lasts longer.
    const enter = route.method === 'get' && Number(request.query['wait']) > 0 ? atOnce.wait : atOnce.request;
    response.once('close', enter.key(principal.keyId));
    response.once('close', enter.tenant(principal.tenantId));
    requireScope(principal, route.scope);
    return { valid, check: () => keyring(key) };
  };
}
