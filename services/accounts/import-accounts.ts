import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { ProviderName } from '../../domain/channels.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { Em } from '../../db/connect.ts';
import { settingsOf } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import type { ProviderCredentials } from '../../db/entities/tenants.ts';
import { newId } from '../../platform/ids.ts';
import type { ListedAccount, Provider } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { reachOfCredentials } from '../provider-reach.ts';
import { requireScope, type Principal } from '../principal.ts';
import { Problem } from '../problem.ts';
import { createAccount } from '../connections/connect-account.ts';
import { signalConnection } from '../signal.ts';
import { refOf } from './find-account.ts';
import { addAttempt, credentialsOrProblem, methodFor, providerNamed } from '../connections/new-attempt.ts';

/** What to import, from which provider. */
export interface ImportRequest {
  provider: ProviderName;
  /** Only these; without it every account at the provider. */
  provider_account_ids?: string[];
  owner: string;
  dry_run: boolean;
}

export const importOutcomes = [
  'imported',
  'would_import',
  'already_connected',
  'same_identity',
  'unfinished',
  'unsupported',
  'not_found',
] as const;

/** The outcome for one account at the provider. */
export interface Imported {
  provider_account_id: string;
  channel: string | null;
  name: string | null;
  outcome: (typeof importOutcomes)[number];
  account_id: string | null;
}

/**
 * Imports accounts that already exist at the provider: each gets an account here, and a run that checks its status.
 * Changes nothing at the provider and needs no login of the owner. Repeated, it finds them already connected.
 */
export async function importAccounts(
  context: Context,
  principal: Principal,
  request: ImportRequest,
): Promise<Imported[]> {
  const provider = providerNamed(context, request.provider);
  const credentials = await context.db.tenant(principal.tenantId, (em) =>
    credentialsOrProblem(em, principal.tenantId, request.provider),
  );
  // Accounts under the installation's own credentials may belong to any tenant.
  requireScope(principal, credentials.tenantId === null ? 'operator' : 'admin');
  const there = await listAt(context, provider, credentials);
  const asked = request.provider_account_ids && new Set(request.provider_account_ids);
  const missing = [...(asked ?? [])].filter((id) => !there.some((one) => one.providerAccountId === id));
  const items: Imported[] = missing.map((id) =>
    result({ providerAccountId: id, channel: null, name: null }, 'not_found'),
  );
  for (const listed of there)
    if (!asked || asked.has(listed.providerAccountId))
      items.push(await takeOver(context, principal, provider, credentials, listed, request));
  return items;
}

async function listAt(
  { config, db, vault, clock, stopping }: Context,
  provider: Provider,
  credentials: ProviderCredentials,
): Promise<ListedAccount[]> {
  if (!provider.account.list)
    throw new Problem('unsupported', `${provider.title} has no list of accounts.`, {
      fix: 'Connect each account: POST /api/v1/accounts.',
    });
  const settings = settingsOf(await vault.keysOf(db, credentials.tenantId), credentials);
  try {
    const reach = reachOfCredentials(config, credentials);
    return await provider.account.list({ settings, reach, now: clock.now().getTime(), signal: stopping });
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    throw new Problem('provider_unavailable', `The provider's list could not be read: ${error.message}`, {
      retryAfter: (error.retryAfterMs ?? 30_000) / 1000,
    });
  }
}

const result = (
  { providerAccountId, channel, name }: Omit<ListedAccount, 'view'>,
  outcome: Imported['outcome'],
  accountId: string | null = null,
): Imported => ({ provider_account_id: providerAccountId, channel, name, outcome, account_id: accountId });

async function takeOver(
  context: Context,
  principal: Principal,
  provider: Provider,
  credentials: ProviderCredentials,
  listed: ListedAccount,
  request: ImportRequest,
): Promise<Imported> {
  const { channel, view } = listed;
  if (!channel || !provider.capabilities.channels[channel]) return result(listed, 'unsupported');
  const known = await knownBy(context, principal, credentials.id, listed);
  if (known) return known;
  if (view.status === 'pending') return result(listed, 'unfinished');
  if (request.dry_run) return result(listed, 'would_import');
  try {
    const account = await context.db.tenant(principal.tenantId, async (em) => {
      const method = methodFor(provider, channel, undefined);
      const made = createAccount(context, em, principal.tenantId, {
        provider: request.provider,
        channel,
        owner: request.owner,
        method,
        credentialsId: credentials.id,
        label: listed.name,
      });
      made.providerAccountId = listed.providerAccountId;
      await addAttempt(context, em, made, { id: newId(), operation: 'reconnect', method, automatic: true });
      return made;
    });
    await signalConnection(context, refOf(account), 'api');
    return result(listed, 'imported', account.id);
  } catch (error) {
    // Another request imported it at this moment.
    if (error instanceof UniqueConstraintViolationException) return result(listed, 'already_connected');
    throw error;
  }
}

/** The account here that already has this login or identity. The id of another tenant's account is not answered. */
function knownBy(
  { db }: Context,
  { tenantId }: Principal,
  credentialsId: string,
  listed: ListedAccount,
): Promise<Imported | null> {
  const { providerAccountId, channel, view } = listed;
  return db.system(async (em: Em) => {
    const login = await em.findOne(Account, { credentialsId, providerAccountId, mergedInto: null });
    const underWay = login ?? (await em.findOne(ConnectionAttempt, { providerAccountId, state: 'running' }));
    if (underWay) {
      const own = login && login.tenantId === tenantId ? login.id : null;
      return result(listed, 'already_connected', own);
    }
    if (!view.identity || !channel) return null;
    const { identity } = view;
    const same = await em.findOne(Account, { tenantId, channel, identity, mergedInto: null });
    return same && result(listed, 'same_identity', same.id);
  });
}
