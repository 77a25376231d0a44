import type { Channel, Method, ProviderName } from '../../domain/channels.ts';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt, type Redirects } from '../../db/entities/attempts.ts';
import { newId } from '../../platform/ids.ts';
import type { ApiContext } from '../context.ts';
import type { Principal } from '../http/auth.ts';
import { accountView } from '../views/account.ts';
import { attemptView } from '../views/attempt.ts';
import { ownAccount, refOf, standingOfAttempt } from './find.ts';
import { checkLogin, credentialsOrProblem, methodFor, providerNamed } from './login-choice.ts';
import { addAttempt, checkAttemptBudget } from './new-attempt.ts';

export interface NewAccount {
  provider: ProviderName;
  channel: Channel;
  owner: string;
  method?: Method;
  credentials?: Record<string, unknown>;
  redirects?: Redirects;
  label?: string | null;
  metadata?: Record<string, unknown>;
}

interface Asked {
  context: ApiContext;
  principal: Principal;
  operationId: string;
}

/** A new account with its first attempt, in one transaction; then the run is moved and its first step awaited. */
export async function connectAccount(asked: Asked, wish: NewAccount) {
  const { context, principal, operationId } = asked;
  const provider = providerNamed(context, wish.provider);
  const method = methodFor(provider, wish.channel, wish.method);
  const credentials = wish.credentials ?? {};
  checkLogin(provider, wish.channel, method, credentials);
  const account = await context.db.tenant(principal.tenantId, async (em) => {
    const done = await em.findOne(ConnectionAttempt, { id: operationId });
    if (done) return em.findOneOrFail(Account, { id: done.accountId });
    const { id: credentialsId } = await credentialsOrProblem(em, principal.tenantId, wish.provider);
    const made = createAccount(context, em, principal.tenantId, { ...wish, method, credentialsId });
    // The attempt refers to the row of the account.
    await em.flush();
    await addAttempt(context, em, made, {
      id: operationId,
      operation: 'connect',
      method,
      credentials,
      redirects: wish.redirects,
    });
    return made;
  });
  return begun(asked, account);
}

/** A reconnection: the same account, all its data kept. Supersedes whatever login is running. */
export async function reconnectAccount(
  asked: Asked,
  accountId: string,
  { credentials, redirects }: Pick<NewAccount, 'credentials' | 'redirects'> = {},
) {
  const { context, principal, operationId } = asked;
  const account = await context.db.tenant(principal.tenantId, async (em) => {
    const found = await ownAccount(em, accountId, true);
    if (await em.findOne(ConnectionAttempt, { id: operationId })) return found;
    const provider = providerNamed(context, found.provider);
    await credentialsOrProblem(em, found.tenantId, found.provider);
    // A stored login was checked when it was given.
    if (credentials || !found.secret) checkLogin(provider, found.channel, found.method, credentials ?? {});
    await checkAttemptBudget(context, em, found);
    await addAttempt(context, em, found, {
      id: operationId,
      operation: 'reconnect',
      method: found.method,
      credentials,
      redirects,
    });
    return found;
  });
  return begun(asked, account);
}

/** Waits for the attempt's first step; when there is none in time, the answer holds a step that says to wait. */
async function begun({ context, principal, operationId }: Asked, account: Account) {
  const number = await context.db.tenant(
    principal.tenantId,
    async (em) => (await standingOfAttempt(em, operationId)).attempt.number,
  );
  await context.motion.currentStep(refOf(account), number);
  return context.db.tenant(principal.tenantId, async (em) => ({
    account: accountView(await em.findOneOrFail(Account, { id: account.id })),
    attempt: attemptView(context, principal, await standingOfAttempt(em, operationId)),
  }));
}

/** A new account of a tenant, at rest. */
export function createAccount(
  { clock }: ApiContext,
  em: Em,
  tenantId: string,
  wish: NewAccount & { method: Method; credentialsId: string },
): Account {
  const now = clock.now();
  const account = em.create(Account, {
    id: newId(),
    tenantId,
    provider: wish.provider,
    channel: wish.channel,
    owner: wish.owner,
    label: wish.label ?? null,
    metadata: wish.metadata ?? {},
    credentialsId: wish.credentialsId,
    providerAccountId: null,
    identity: null,
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
    method: wish.method,
    lastSyncAt: null,
    lookWantedAt: null,
    lookedAt: null,
    mergedInto: null,
    createdAt: now,
    updatedAt: now,
  });
  em.persist(account);
  return account;
}
