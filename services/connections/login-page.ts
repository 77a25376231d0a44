import type { ReturnOutcome } from '../../domain/addresses.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { addTimelineEvent } from '../../db/queries/accounts/timeline.ts';
import { lockAttempt, type LockedAttempt } from '../../db/queries/attempts/lock-attempt.ts';
import type { LoginPageReport } from '../../providers/provider.ts';
import type { AccountRef } from '../../temporal/client.ts';
import { refOf } from '../accounts/find-account.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { signalConnection } from '../signal.ts';
import { hashToken } from './new-attempt.ts';
import { attemptByReturnToken } from './return-token.ts';

const noAddress = (): Problem => new Problem('not_found', 'There is no such address.');

/** The attempt whose provider calls back with this token. That of a login by OAuth is its state, which browsers see. */
async function attemptByCallbackToken(em: Em, token: string): Promise<ConnectionAttempt> {
  const found = await em.findOne(ConnectionAttempt, { callbackHash: hashToken(token), method: { $ne: 'oauth' } });
  if (!found) throw noAddress();
  return found;
}

async function lockFound(em: Em, provider: string, { accountId, number }: ConnectionAttempt): Promise<LockedAttempt> {
  const locked = await lockAttempt(em, accountId, number);
  if (locked.account.provider !== provider) throw noAddress();
  return locked;
}

/** Throws 404 unless an attempt has this callback token: to be checked before a body is read. */
export const requireCallbackToken = async ({ db }: Context, token: string): Promise<void> => {
  await db.system((em) => attemptByCallbackToken(em, token));
};

/**
 * The provider's login page reports the account that it made, and for which login; null when the report names none. Only
 * the word of the provider that this very login made the account counts. The token counts once and ends with its attempt. A later report is recorded only, so that compensation deletes the account
 * at the provider. The run then checks whether that account exists, and whose it is.
 */
export async function acceptCallback(
  context: Context,
  provider: string,
  token: string,
  report: LoginPageReport | null,
): Promise<void> {
  const account = await context.db.system(async (em) => {
    const locked = await lockFound(em, provider, await attemptByCallbackToken(em, token));
    if (!report) throw new Problem('malformed_request', 'The callback names no account.');
    if (report.login !== locked.attempt.id) throw new Problem('malformed_request', 'The callback is of another login.');
    return record(context, em, locked, report.providerAccountId);
  });
  if (!account) throw new Problem('attempt_ended', 'The login that this callback belongs to is over.');
  await signalConnection(context, account, 'login_page');
}

/** The account to signal; null when the token no longer counts. */
async function record(
  { clock }: Context,
  em: Em,
  { account, attempt }: LockedAttempt,
  upstream: string,
): Promise<AccountRef | null> {
  const now = clock.now();
  const known = await em.count(Account, { credentialsId: account.credentialsId, providerAccountId: upstream });
  if (attempt.state !== 'running') {
    // The page was finished too late: the attempt has ended without the account.
    const orphaned = attempt.state !== 'succeeded' && !attempt.callbackUsedAt && known === 0;
    if (orphaned) attempt.undo = [...new Set([...attempt.undo, upstream])];
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
  addTimelineEvent(em, account, now, 'called_back', 'The login page reported that its login succeeded.', {
    attempt: attempt.number,
  });
  return refOf(account);
}

const attemptOfReturn = async (em: Em, token: string): Promise<ConnectionAttempt> => {
  const found = await attemptByReturnToken(em, token);
  if (!found) throw noAddress();
  return found;
};

/**
 * The owner's browser returns from the provider's page, which changes nothing: browsers and mail programs open addresses by
 * themselves. Answers the address of the calling application; undefined where it gave none.
 */
export async function returnFromPage(
  context: Context,
  provider: string,
  token: string,
  outcome: ReturnOutcome,
): Promise<string | undefined> {
  const { account, redirect } = await context.db.system(async (em) => {
    const attempt = await attemptOfReturn(em, token);
    const account = await em.findOneOrFail(Account, { id: attempt.accountId });
    if (account.provider !== provider) throw noAddress();
    return { account: refOf(account), redirect: attempt.redirects?.[outcome] };
  });
  // A finished login is then seen though its callback is late.
  if (outcome === 'success') await signalConnection(context, account, 'login_page');
  return redirect;
}

/**
 * The owner, back without a login, ends the attempt. One whose login was reported is left alone. Answers the address of the
 * calling application; undefined where it gave none.
 */
export async function leaveLogin(context: Context, provider: string, token: string): Promise<string | undefined> {
  const { account, redirect } = await context.db.system(async (em) => {
    const locked = await lockFound(em, provider, await attemptOfReturn(em, token));
    const { attempt } = locked;
    if (attempt.state === 'running' && !attempt.callbackUsedAt && !attempt.cancelRequestedAt) {
      const now = context.clock.now();
      attempt.cancelRequestedAt = now;
      const text = 'The owner came back from the login page without a login, and ended it.';
      addTimelineEvent(em, locked.account, now, 'came_back', text, { attempt: attempt.number });
    }
    return { account: refOf(locked.account), redirect: attempt.redirects?.failure };
  });
  await signalConnection(context, account, 'login_page');
  return redirect;
}
