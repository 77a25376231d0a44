import type { Em } from '../../db/connect.ts';
import type { Account } from '../../db/entities/accounts.ts';
import type { DueAccount } from '../../db/queries/accounts/lease-due-accounts.ts';
import { lockAccount } from '../../db/queries/accounts/lock-accounts.ts';
import { addTimelineEvent, moveAccount } from '../../db/queries/accounts/timeline.ts';
import { isExpiring, isWorking } from '../../domain/accounts.ts';
import { earliest } from '../../domain/token-times.ts';
import type { ProviderName } from '../../domain/channels.ts';
import type { Context } from '../context.ts';
import { renewKeys } from './renew-keys.ts';

const minute = 60_000;
/** The soonest that an account is looked at again, and how soon while trouble of its own hides what the owner must do. */
const rests = { shortest: 5 * minute, troubled: 60 * minute };

/**
 * What is due about an account's token `at` that moment: renews it, else asks its owner to log in again, of which reminders follow,
 * and moves the account where the token has ended. Answers whether nothing failed.
 */
export async function keepTokenAlive(context: Context, account: DueAccount, at: Date): Promise<boolean> {
  const of = { tenantId: account.tenant_id, accountId: account.id };
  const outcome = await renewKeys(context, { ...of, at, kind: 'backfill' });
  await context.db.tenant(of.tenantId, async (em) => {
    const found = await lockAccount(em, of.accountId);
    if (found) settle(context, em, found, at);
  });
  return ['renewed', 'superseded', 'none'].includes(outcome);
}

function settle({ providers }: Context, em: Em, account: Account, at: Date): void {
  if (!account.providerAccountId || account.mergedInto) {
    account.keysDueAt = null;
    return;
  }
  const { keysExpireAt, keysAskAt } = account;
  if (!providers[account.provider as ProviderName]?.tokens) account.keysRefreshAt = null;
  if (keysExpireAt && keysExpireAt <= at) {
    moveAccount(em, account, { type: 'token_expired', at });
    Object.assign(account, { keysRefreshAt: null, keysDueAt: null });
    return;
  }
  if (keysAskAt && keysAskAt <= at) askOwner(em, account, at);
  const next = earliest(account.keysRefreshAt, keysExpireAt, nextAskAt(account, at));
  const soonest = new Date(at.getTime() + rests.shortest);
  account.keysDueAt = next && next < soonest ? soonest : next;
}

function askOwner(em: Em, account: Account, at: Date): void {
  if (isExpiring(account) || !moveAccount(em, account, { type: 'token_expiring', at })) return;
  const text = 'The token ends soon and was not renewed: the owner was asked to log in again.';
  const data = { ends_at: account.keysExpireAt?.toISOString() ?? null };
  addTimelineEvent(em, account, at, 'owner_asked', text, { data });
}

/** Null where the owner was asked by the account's state. */
function nextAskAt(account: Account, at: Date): Date | null {
  const { keysAskAt } = account;
  if (!keysAskAt || keysAskAt > at) return keysAskAt;
  if (isExpiring(account)) return null;
  return account.state === 'degraded' || isWorking(account) ? new Date(at.getTime() + rests.troubled) : null;
}
