import { createHash, randomBytes } from 'node:crypto';
import {
  attemptBudget,
  attemptBudgetWindowMs,
  attemptLifetimeMs,
  disconnectLifetimeMs,
  wrongAnswersAllowed,
} from '../../domain/budgets.ts';
import type { Method } from '../../domain/channels.ts';
import { failureRow } from '../../domain/failures.ts';
import { moveAccount } from '../../db/queries/accounts/timeline.ts';
import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt, type AttemptOperation, type Redirects } from '../../db/entities/attempts.ts';
import { sealed } from '../../db/sealed.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';

export interface NewAttempt {
  /** Also finds the attempt again when the request is executed a second time. */
  id: string;
  operation: AttemptOperation;
  method: Method;
  /** What the owner logs in with; without it the stored login is used. */
  credentials?: Record<string, unknown>;
  /** Without them those of the account's last login are used. */
  redirects?: Redirects;
  purge?: boolean;
  /** Nobody is there to log in: only what needs no human is done. */
  automatic?: boolean;
}

/**
 * Writes a requested operation: the account's next attempt, which supersedes whatever is running. The account must be
 * locked by the transaction, so that two attempts never get one number.
 */
export async function addAttempt(
  { vault, clock }: Context,
  em: Em,
  account: Account,
  given: NewAttempt,
): Promise<ConnectionAttempt> {
  const now = clock.now();
  const keys = await vault.keysOf(em, account.tenantId);
  const newest = await em.findOne(ConnectionAttempt, { accountId: account.id }, { orderBy: { number: 'desc' } });
  const number = (newest?.number ?? 0) + 1;
  const lifetime = given.operation === 'disconnect' ? disconnectLifetimeMs : attemptLifetimeMs[given.method];
  // Only a login on the provider's page is called back, and only by who knows its token.
  const token =
    given.method === 'hosted' && given.operation !== 'disconnect' ? randomBytes(32).toString('base64url') : null;
  const attempt = em.create(ConnectionAttempt, {
    id: given.id,
    tenantId: account.tenantId,
    accountId: account.id,
    number,
    operation: given.operation,
    trigger: given.automatic ? 'automatic' : 'request',
    state: 'running',
    method: given.method,
    input: given.credentials ? keys.seal(JSON.stringify(given.credentials), sealed.attemptInput(given.id)) : null,
    purge: given.purge ?? false,
    startedAt: now,
    deadlineAt: new Date(now.getTime() + lifetime),
    endedAt: null,
    reason: null,
    detail: null,
    who: null,
    cancelRequestedAt: null,
    intentAt: null,
    providerAccountId: null,
    undo: [],
    answersLeft: wrongAnswersAllowed,
    checks: 0,
    currentStepId: null,
    redirects: given.redirects ?? newest?.redirects ?? null,
    callbackToken: token && keys.seal(token, sealed.callbackToken(given.id)),
    callbackHash: token && hashToken(token),
    runId: null,
    callbackUsedAt: null,
  });
  em.persist(attempt);
  if (given.operation !== 'disconnect') moveAccount(em, account, { type: 'login_began', at: now }, number);
  return attempt;
}

/** What is stored of a callback's token. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** 429 when an account was logged in too often of late, whoever asked: providers ban for it. */
export async function checkAttemptBudget({ clock }: Context, em: Em, account: Account): Promise<void> {
  const now = clock.now().getTime();
  const recent = await em.find(
    ConnectionAttempt,
    {
      accountId: account.id,
      operation: { $ne: 'disconnect' },
      startedAt: { $gt: new Date(now - attemptBudgetWindowMs) },
    },
    { orderBy: { startedAt: 'asc' }, fields: ['startedAt'] },
  );
  const [oldest] = recent;
  if (recent.length < attemptBudget || !oldest) return;
  throw new Problem('attempt_budget_spent', `${recent.length} logins of this account began within an hour.`, {
    fix: failureRow('attempt_budget_spent').whatToDo,
    retryAfter: (oldest.startedAt.getTime() + attemptBudgetWindowMs - now) / 1000,
  });
}
