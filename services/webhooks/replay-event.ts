import { LockMode } from '@mikro-orm/core';
import type { Em } from '../../db/connect.ts';
import { WebhookEvent } from '../../db/entities/events.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { erasedNote, resettleSubjects } from '../../db/queries/webhooks/webhook-subjects.ts';
import { sealed } from '../../db/sealed.ts';
import { subjectsIn } from '../../domain/erasure.ts';
import type { AccountRef } from '../../temporal/client.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { signalConnection } from '../signal.ts';
import { applyEvent } from './apply-event.ts';
import { readEvents } from './parse-events.ts';
import { storeEvent, unreadable } from './store-request.ts';

/** An account whose workflow must be told, and the event that owes it. */
interface Owed {
  id: string;
  tell: AccountRef;
}

/**
 * Reads a stored event once more and applies it, as after a fix; a word about an account has its provider asked. One
 * that still cannot be read stays as it is.
 */
export async function replayEvent(context: Context, id: string): Promise<void> {
  const owed = await context.db.system(async (em) => {
    const row = await em.findOneOrFail(WebhookEvent, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    return row.type === unreadable ? replayUnreadable(context, em, row) : replayOne(context, em, row);
  });
  for (const one of owed) await signalOne(context, one);
}

const eventsOf = async ({ providers, vault }: Context, em: Em, row: WebhookEvent) => {
  if (row.body === null) throw new Problem('event_too_old');
  const body = (await vault.keysOf(em, row.tenantId)).open(row.body, sealed.webhookBody(row.id));
  const provider = providers[row.provider];
  return { body, events: readEvents(provider, { raw: Buffer.from(body), headers: {} }, row.providerAccountId) };
};

async function replayOne(context: Context, em: Em, row: WebhookEvent): Promise<Owed[]> {
  const { body, events } = await eventsOf(context, em, row);
  const event = events?.find((one) => row.dedupeKey.startsWith(one.dedupeKey));
  if (!event) return [];
  const now = context.clock.now();
  const { account, tell } = await applyEvent(em, row.credentialsId, event, now);
  row.state = account ? 'processed' : 'unmatched';
  row.error = null;
  row.accountId = account?.id ?? row.accountId;
  row.tenantId = account?.tenantId ?? row.tenantId;
  row.processedAt = now;
  row.owesSignal = tell !== null;
  const subjects = event.kind === 'account_status' ? [] : subjectsIn(body);
  // Whose it is may be known only now.
  if (await resettleSubjects(em, context.vault, row, subjects)) Object.assign(row, { body: null, error: erasedNote });
  return tell ? [{ id: row.id, tell }] : [];
}

/** What could not be read is now: its events become rows of their own, as if they had just come. */
async function replayUnreadable(context: Context, em: Em, row: WebhookEvent): Promise<Owed[]> {
  const { body, events } = await eventsOf(context, em, row);
  if (!events) return [];
  const credentials = await em.findOneOrFail(ProviderCredentials, { id: row.credentialsId });
  const owed: Owed[] = [];
  for (const event of events) {
    const { id, tell } = await storeEvent(context, em, credentials, event, body);
    if (tell) owed.push({ id, tell });
  }
  row.state = 'processed';
  row.error = null;
  row.processedAt = context.clock.now();
  return owed;
}

async function signalOne(context: Context, { id, tell }: Owed): Promise<void> {
  if (await signalConnection(context, tell))
    await context.db.system((em) => em.nativeUpdate(WebhookEvent, { id }, { owesSignal: false }));
}
