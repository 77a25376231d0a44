import { needsCheck, type AccountState } from '../../domain/accounts.ts';
import { rows, type Em } from '../../db/connect.ts';
import type { AccountRef } from '../../temporal/client.ts';
import type { WebhookEvent } from '../../providers/provider.ts';

/** The account of an event, and whether a login is running on it. */
interface Subject {
  id: string;
  tenant_id: string;
  channel: string;
  provider: string;
  state: AccountState;
  open: boolean;
  waiting: boolean;
}

/** What an event did: whose it is, and whom its workflow must be told of. */
export interface Effect {
  account: { id: string; tenantId: string } | null;
  tell: AccountRef | null;
}

/** A report of a state that was said before: it changes nothing while the look that it wants is still to come. */
export const applyAgain = (em: Em, credentialsId: string, event: WebhookEvent, now: Date): Promise<Effect> =>
  applyEvent(em, credentialsId, event, now, true);

/**
 * The effect of an event in the transaction that stores it. An event alone moves no account, since it may be forged:
 * it only asks for a look at what the provider says.
 */
export async function applyEvent(
  em: Em,
  credentialsId: string,
  event: WebhookEvent,
  now: Date,
  again = false,
): Promise<Effect> {
  const subject = await subjectOf(em, credentialsId, event.providerAccountId);
  if (!subject) return { account: null, tell: null };
  const account = { id: subject.id, tenantId: subject.tenant_id };
  const wanted = event.kind === 'account_status' && needsCheck(event.status, subject.state, subject.open);
  if (!wanted || (again && subject.waiting)) return { account, tell: null };
  await rows(em, 'update accounts set check_requested_at = ? where id = ?', [now, subject.id]);
  const { channel, provider } = subject;
  return { account, tell: { tenantId: subject.tenant_id, accountId: subject.id, channel, provider } };
}

/** By the upstream login that an account has, else by the one that its running attempt has just made. */
async function subjectOf(em: Em, credentialsId: string, providerAccountId: string | null): Promise<Subject | null> {
  if (!providerAccountId) return null;
  const [found] = await rows<Subject>(
    em,
    `select a.id, a.tenant_id, a.channel, a.provider, a.state, a.check_requested_at is not null as waiting,
            exists (select from connection_attempts t where t.account_id = a.id and t.state = 'running') as open
     from accounts a
     where a.credentials_id = ? and a.merged_into is null
       and (a.provider_account_id = ? or exists (
             select from connection_attempts t
             where t.account_id = a.id and t.state = 'running' and t.provider_account_id = ?))
     order by (a.provider_account_id = ?) desc nulls last limit 1`,
    [credentialsId, providerAccountId, providerAccountId, providerAccountId],
  );
  return found ?? null;
}
