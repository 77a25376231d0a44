import type { Em } from '../../connect.ts';
import { removeFigures } from '../analytics/count-days.ts';
import { lockDays } from '../analytics/marks.ts';
import { deleteAccountMessages } from '../messages/account-fence.ts';
import { AccountVisit } from '../../entities/account-visits.ts';
import { AccountEvent, type Account } from '../../entities/accounts.ts';
import { ConnectionAttempt, ConnectionStep } from '../../entities/attempts.ts';
import { Contact } from '../../entities/contacts.ts';
import { SyncRun } from '../../entities/events.ts';
import { MissedWebhooks, WebhookWatch } from '../../entities/missed-webhooks.ts';
import { deleteAccountWebhooks } from '../webhooks/requests.ts';

/** Deletes an account's data, but not the steps of attempt `keptAttemptId`: its outcome stays visible. */
export async function purgeAccount(em: Em, account: Account, keptAttemptId: string): Promise<void> {
  const of = { accountId: account.id };
  await lockDays(em, [account.id]);
  await em.nativeDelete(AccountEvent, of);
  await deleteAccountWebhooks(em, account.id);
  await em.nativeDelete(SyncRun, of);
  await em.nativeDelete(MissedWebhooks, of);
  await em.nativeDelete(WebhookWatch, of);
  await em.nativeDelete(AccountVisit, of);
  await em.nativeDelete(Contact, of);
  await deleteAccountMessages(em, account.id);
  await removeFigures(em, account.id);
  // What an attempt left at the provider is still deleted there: it must not name a step that is gone.
  await em.nativeUpdate(ConnectionAttempt, { ...of, id: { $ne: keptAttemptId } }, { currentStepId: null });
  await em.nativeDelete(ConnectionStep, { ...of, attemptId: { $ne: keptAttemptId } });
  Object.assign(account, {
    identity: null,
    providerGroups: [],
    connectionConfig: null,
    providerConfig: null,
    rawDetails: null,
    detailsAt: null,
    label: null,
    metadata: {},
  });
}
