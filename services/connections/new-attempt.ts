import { createHash, randomBytes } from 'node:crypto';
import { attemptLifetimeMs, disconnectLifetimeMs, wrongAnswersAllowed } from '../../domain/attempts.ts';
import type { Channel, Method, ProviderName } from '../../domain/channels.ts';
import { failureRow } from '../../domain/failures.ts';
import { moveAccount } from '../../db/queries/accounts/timeline.ts';
import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import { type AttemptOperation, ConnectionAttempt, type Redirects } from '../../db/entities/attempts.ts';
import { sealed } from '../../db/sealed.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { credentialsFor } from '../../db/queries/tenants/credentials.ts';
import type { ProviderCredentials } from '../../db/entities/tenants.ts';
import type { Provider } from '../../providers/provider.ts';
import { stillAllowed } from './return-addresses.ts';

/** What a request says of an attempt. */
export interface NewAttempt {
  /** Also finds the attempt again when the request is executed a second time. */
  id: string;
  operation: AttemptOperation;
  method: Method;
  /** What the owner logs in with; without it the stored credentials are used. */
  credentials?: Record<string, unknown>;
  /** Without them those of the account's last login are used. */
  redirects?: Redirects;
  purge?: boolean;
  /** The login may be merged into an account of another owner. */
  mergeAcrossOwners?: boolean;
  /** The owner is not present: only what needs no owner is done. */
  automatic?: boolean | undefined;
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
  // A login on a page of the provider comes back with this token; it is the caller's credential there.
  const onPage = given.method === 'hosted' || given.method === 'oauth';
  const token = onPage && given.operation !== 'disconnect' ? randomBytes(32).toString('base64url') : null;
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
    mergeAcrossOwners: given.mergeAcrossOwners ?? false,
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
    redirects: given.redirects ?? (await stillAllowed(em, account.tenantId, newest?.redirects ?? null)),
    callbackToken: token && keys.seal(token, sealed.callbackToken(given.id)),
    callbackHash: token && hashToken(token),
    wakeAt: null,
    runId: null,
    callbackUsedAt: null,
  });
  em.persist(attempt);
  if (given.operation !== 'disconnect') moveAccount(em, account, { type: 'login_began', at: now }, number);
  return attempt;
}

/** What is stored of a callback's token. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** The provider of this name. 422 with the available names when there is none. */
export function providerNamed({ providers }: Context, name: ProviderName): Provider {
  const provider = providers[name];
  if (!provider)
    throw new Problem('unsupported', `The provider "${name}" is not available.`, {
      fix: `Use one of: ${Object.keys(providers).join(', ')}.`,
    });
  return provider;
}

/** The login method: the requested one, else the channel's first. 422 with the supported ones. */
export function methodFor(provider: Provider, channel: Channel, asked: Method | undefined): Method {
  const { channels } = provider.capabilities;
  const methods = channels[channel]?.methods ?? [];
  const [first] = methods;
  if (!first)
    throw new Problem('unsupported', `${provider.name} does not connect ${channel}.`, {
      fix: `Use one of the channels: ${Object.keys(channels).join(', ')}.`,
    });
  if (asked && !methods.includes(asked))
    throw new Problem('unsupported', `${provider.name} does not connect ${channel} by the method "${asked}".`, {
      fix: `Use one of the methods: ${methods.join(', ')}.`,
    });
  return asked ?? first;
}

/** 422 when the input of a login is wrong, before the provider is called. */
export function validateLogin(
  provider: Provider,
  channel: Channel,
  method: Method,
  credentials: Record<string, unknown>,
): void {
  const wrong = provider.validateLoginInput(channel, { method, credentials });
  if (wrong) throw new Problem('invalid_credentials_shape', wrong);
}

/** The tenant's credentials at the provider, else the installation's. 503 when there are none. */
export async function credentialsOrProblem(em: Em, tenantId: string, provider: string): Promise<ProviderCredentials> {
  const credentials = await credentialsFor(em, tenantId, provider);
  if (!credentials)
    throw new Problem('provider_not_configured', undefined, {
      fix: failureRow('provider_not_configured').whatToDo,
      retryAfter: 60,
    });
  return credentials;
}
