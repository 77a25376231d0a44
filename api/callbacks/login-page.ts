import { LockMode } from '@mikro-orm/core';
import type { RequestHandler, Router } from 'express';
import { returnOutcomes, type ReturnOutcome } from '../../domain/addresses.ts';
import type { ProviderName } from '../../domain/channels.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import type { AccountRef } from '../../temporal/client.ts';
import { refOf } from '../../services/accounts/find-account.ts';
import { hashToken } from '../../services/connections/add-attempt.ts';
import type { Context } from '../../services/context.ts';
import { readJson } from '../http/body.ts';
import { Problem } from '../../services/problem.ts';
import { signalConnection } from '../../services/signal.ts';
import { page } from './login-page-html.ts';

/** The largest callback, in bytes. */
const bodyLimit = 64_000;

/** Takes what a login on a provider's page comes to: the provider's word, and the owner's browser on its way back. */
export function serveLoginPages(router: Router, context: Context): void {
  router.post('/callbacks/:provider/:token', called(context));
  router.get('/callbacks/:provider/:token/:outcome', cameBack(context));
}

/**
 * The provider names the account that the page made. The token counts once and dies with its attempt; what comes
 * later is only remembered, so that it is deleted at the provider. Whether the account exists, and whose it is, is for
 * the run to find out.
 */
const called =
  (context: Context): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'POST /callbacks';
    const { provider: name, token } = request.params as { provider: ProviderName; token: string };
    const provider = Object.hasOwn(context.providers, name) ? context.providers[name] : undefined;
    // The body is read only where the address exists.
    await context.db.system((em) => attemptOf(em, token));
    const body = await readJson(request, response, bodyLimit);
    const taken = await context.db.system(async (em) => {
      const held = await heldBy(em, name, token);
      const upstream = provider?.webhooks.readCallback(body) ?? null;
      if (!upstream) throw new Problem('malformed_request', 'The callback names no account.');
      return take(context, em, held, upstream);
    });
    if (!taken) throw new Problem('attempt_ended', 'The login that this callback belongs to is over.');
    await signalConnection(context, taken);
    response.json({ received: true });
  };

interface AttemptTx {
  account: Account;
  attempt: ConnectionAttempt;
}

async function attemptOf(em: Em, token: string): Promise<ConnectionAttempt> {
  const found = await em.findOne(ConnectionAttempt, { callbackHash: hashToken(token) });
  if (!found) throw noAddress();
  return found;
}

const noAddress = (): Problem => new Problem('not_found', 'There is no such address.');

/** Locks account, then attempt. */
async function heldBy(em: Em, provider: string, token: string): Promise<AttemptTx> {
  const found = await attemptOf(em, token);
  const account = await em.findOneOrFail(Account, found.accountId, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (account.provider !== provider) throw noAddress();
  const attempt = await em.refreshOrFail(found, { lockMode: LockMode.PESSIMISTIC_WRITE });
  return { account, attempt };
}

/** Whom to tell; null when the token no longer counts. */
async function take(
  { clock }: Context,
  em: Em,
  { account, attempt }: AttemptTx,
  upstream: string,
): Promise<AccountRef | null> {
  const now = clock.now();
  const known = await em.count(Account, { credentialsId: account.credentialsId, providerAccountId: upstream });
  if (attempt.state !== 'running') {
    // The page was finished too late: nobody waits for what it made.
    const orphan = attempt.state !== 'succeeded' && !attempt.callbackUsedAt && known === 0;
    if (orphan) attempt.undo = [...new Set([...attempt.undo, upstream])];
    attempt.callbackUsedAt ??= now;
    return null;
  }
  if (attempt.callbackUsedAt) return attempt.providerAccountId === upstream ? refOf(account) : null;
  // A reconnection's page answers for the account that it was made for.
  if (attempt.operation === 'reconnect' && account.providerAccountId && account.providerAccountId !== upstream)
    return null;
  attempt.callbackUsedAt = now;
  attempt.providerAccountId = upstream;
  account.checkRequestedAt = now;
  if (known === 0) attempt.undo = [...new Set([...attempt.undo, upstream])];
  addTimelineEvent(em, account, now, 'called_back', 'The login page told that its login succeeded.', {
    attempt: attempt.number,
  });
  return refOf(account);
}

/** The owner's browser returns: on to the calling application, or to a page of ours that says how it went. */
const cameBack =
  (context: Context): RequestHandler =>
  async (request, response) => {
    response.locals['route'] = 'GET /callbacks';
    const { provider, token, outcome } = request.params as { provider: string; token: string; outcome: ReturnOutcome };
    if (!returnOutcomes.includes(outcome)) throw new Problem('not_found');
    const { account, redirect } = await context.db.system(async (em) => {
      const { account: found, attempt } = await heldBy(em, provider, token);
      const waits = attempt.state === 'running' && !attempt.callbackUsedAt;
      if (outcome === 'failure' && waits) {
        attempt.cancelRequestedAt ??= context.clock.now();
        addTimelineEvent(
          em,
          found,
          context.clock.now(),
          'came_back',
          'The owner came back from the login page without a login.',
          {
            attempt: attempt.number,
          },
        );
      }
      return { account: refOf(found), redirect: attempt.redirects?.[outcome] };
    });
    await signalConnection(context, account);
    if (redirect) response.redirect(303, redirect);
    else response.type('html').send(page(outcome));
  };
