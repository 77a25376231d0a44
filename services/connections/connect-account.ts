import { isDeepStrictEqual } from 'node:util';
import type { Channel, Method, ProviderName } from '../../domain/channels.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt, type Redirects } from '../../db/entities/attempts.ts';
import { sealed } from '../../db/sealed.ts';
import { newId } from '../../platform/ids.ts';
import { attemptWithStep, newestAttempt, type AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { ownAccount, refOf } from '../accounts/find-account.ts';
import { noteTarget } from '../audit/record.ts';
import type { Context } from '../context.ts';
import type { CallerRequest } from '../principal.ts';
import { Problem } from '../problem.ts';
import { addAttempt, credentialsOrProblem, methodFor, providerNamed, validateLogin } from './new-attempt.ts';
import { checkLoginBudget } from '../guard/login-budget.ts';
import { checkRedirects } from './return-addresses.ts';

/** What a request says of a new account. */
export interface NewAccount {
  provider: ProviderName;
  channel: Channel;
  owner: string;
  method?: Method;
  credentials?: Record<string, unknown>;
  redirects?: Redirects;
  label?: string | null;
  metadata?: Record<string, unknown>;
  /** Merge into an account of another owner that has the same identity, rather than fail. */
  merge_across_owners?: boolean;
}

/** An account with the attempt that a request began. */
export type AccountWithAttempt = { account: Account } & AttemptWithStep;

/** Makes an account with its first attempt in one transaction, starts the run, and waits for the first step. */
export async function connectAccount(request: CallerRequest, given: NewAccount): Promise<AccountWithAttempt> {
  const { context, principal, operationId } = request;
  const provider = providerNamed(context, given.provider);
  const method = methodFor(provider, given.channel, given.method);
  const credentials = given.credentials ?? {};
  validateLogin(provider, given.channel, method, credentials);
  const account = await context.db.tenant(principal.tenantId, async (em) => {
    const done = await em.findOne(ConnectionAttempt, { id: operationId });
    if (done) return em.findOneOrFail(Account, { id: done.accountId });
    await checkRedirects(em, principal.tenantId, given.redirects);
    const { id: credentialsId } = await credentialsOrProblem(em, principal.tenantId, given.provider);
    const made = createAccount(context, em, principal.tenantId, { ...given, method, credentialsId });
    await addAttempt(context, em, made, {
      id: operationId,
      operation: 'connect',
      method,
      credentials,
      redirects: given.redirects,
      mergeAcrossOwners: given.merge_across_owners,
    });
    noteTarget(em, made.id);
    return made;
  });
  return whenBegun(request, account, operationId);
}

/** What a request says of another login of an account. */
export type Relogin = Pick<NewAccount, 'credentials' | 'redirects' | 'merge_across_owners'> & {
  /** Replace a login that runs, and log in again although the account works. */
  force?: boolean;
};

/**
 * Logs the same account in again and keeps its data. Joins a login that runs, unless the request brings another input;
 * 409 on an account that works.
 */
export async function reconnectAccount(
  request: CallerRequest,
  accountId: string,
  given: Relogin = {},
): Promise<AccountWithAttempt> {
  const { context, principal, operationId } = request;
  const { account, attemptId } = await context.db.tenant(principal.tenantId, (em) =>
    addReconnect(context, em, accountId, operationId, given),
  );
  return whenBegun(request, account, attemptId);
}

/** Writes the reconnection of an account, without starting its run; answers the attempt that counts. */
export async function addReconnect(
  context: Context,
  em: Em,
  accountId: string,
  operationId: string,
  given: Relogin & { automatic?: boolean },
): Promise<{ account: Account; attemptId: string }> {
  const { credentials, redirects, merge_across_owners: mergeAcrossOwners, force, automatic } = given;
  const found = await ownAccount(em, accountId, true);
  const own = { account: found, attemptId: operationId };
  if (await em.findOne(ConnectionAttempt, { id: operationId })) return own;
  const provider = providerNamed(context, found.provider);
  await checkRedirects(em, found.tenantId, redirects);
  await credentialsOrProblem(em, found.tenantId, found.provider);
  // Stored credentials were validated when they were given; without the owner there is no input.
  if (!automatic && (credentials || !found.secret))
    validateLogin(provider, found.channel, found.method, credentials ?? {});
  const running = force ? null : await loginToJoin(context, em, found, given);
  if (running) return { account: found, attemptId: running.id };
  if (!force && found.state === 'active') throw new Problem('account_connected');
  await checkLoginBudget(context, em, found);
  await addAttempt(context, em, found, {
    id: operationId,
    operation: 'reconnect',
    method: found.method,
    credentials,
    redirects,
    mergeAcrossOwners,
    automatic,
  });
  return own;
}

/** The login that runs on an account where it does what the request asks for; null where it does not. */
async function loginToJoin(
  { vault, clock }: Context,
  em: Em,
  account: Account,
  { credentials, redirects, merge_across_owners: mergeAcrossOwners }: Relogin,
): Promise<ConnectionAttempt | null> {
  const attempt = (await newestAttempt(em, account.id))?.attempt;
  if (attempt?.state !== 'running' || attempt.operation === 'disconnect' || attempt.trigger === 'automatic')
    return null;
  if (attempt.cancelRequestedAt || attempt.deadlineAt <= clock.now()) return null;
  const keys = await vault.keysOf(em, account.tenantId);
  const input: unknown = attempt.input ? JSON.parse(keys.open(attempt.input, sealed.attemptInput(attempt.id))) : {};
  const isSame =
    (credentials === undefined || isDeepStrictEqual(credentials, input)) &&
    (redirects === undefined || isDeepStrictEqual(redirects, attempt.redirects)) &&
    (mergeAcrossOwners === undefined || mergeAcrossOwners === attempt.mergeAcrossOwners);
  return isSame ? attempt : null;
}

/** Waits for the attempt's first step; the answer has no step when there is none in time. */
async function whenBegun(
  { context, principal }: CallerRequest,
  account: Account,
  attemptId: string,
): Promise<AccountWithAttempt> {
  const number = await context.db.tenant(
    principal.tenantId,
    async (em) => (await attemptWithStep(em, attemptId)).attempt.number,
  );
  await context.temporal.currentStep(refOf(account), number);
  return context.db.tenant(principal.tenantId, async (em) => ({
    account: await em.findOneOrFail(Account, { id: account.id }),
    ...(await attemptWithStep(em, attemptId)),
  }));
}

/** A new account of a tenant, not connected yet. */
export function createAccount(
  { clock }: Context,
  em: Em,
  tenantId: string,
  given: NewAccount & { method: Method; credentialsId: string },
): Account {
  const now = clock.now();
  const account = em.create(Account, {
    id: newId(),
    tenantId,
    provider: given.provider,
    channel: given.channel,
    owner: given.owner,
    label: given.label ?? null,
    metadata: given.metadata ?? {},
    credentialsId: given.credentialsId,
    providerAccountId: null,
    identity: null,
    providerGroups: [],
    state: 'disconnected',
    reason: null,
    who: 'nobody',
    since: now,
    connectionConfig: null,
    providerConfig: null,
    rawDetails: null,
    detailsAt: null,
    secret: null,
    providerKeys: null,
    webhookSecretHash: null,
    keysVersion: 0,
    keysFailures: 0,
    method: given.method,
    lastSyncAt: null,
    checkRequestedAt: null,
    reportedSince: false,
    checkedAt: null,
    checkDueAt: null,
    mergedInto: null,
    createdAt: now,
    updatedAt: now,
  });
  em.persist(account);
  return account;
}
