import { createHash } from 'node:crypto';
import { rows, type Em } from '../../db/connect.ts';
import type { ProviderCredentials } from '../../db/entities/tenants.ts';
import { sealed } from '../../db/sealed.ts';
import { newId } from '../../platform/ids.ts';
import type { Provider, WebhookEvent, WebhookRequest } from '../../providers/provider.ts';
import type { ApiContext } from '../context.ts';
import { applyEvent, type Effect } from './effect.ts';

/** What became of one event. */
export interface Stored {
  id: string;
  type: string;
  state: 'processed' | 'unmatched' | 'failed' | 'duplicate';
  tell: Effect['tell'];
}

/** Equal reports of an account's state within this time are one event; later ones are news again. In milliseconds. */
const sameReportMs = 60_000;

/** Stores a request's events with their effects in one transaction: after it nothing of them can be lost. */
export async function storeRequest(
  context: ApiContext,
  provider: Provider,
  credentials: ProviderCredentials,
  request: WebhookRequest,
): Promise<Stored[]> {
  const events = readEvents(provider, request);
  const body = request.raw.toString('utf8');
  return context.db.system(async (em) => {
    const stored: Stored[] = [];
    if (!events) stored.push(await storeUnreadable(context, em, credentials, body));
    for (const event of events ?? []) stored.push(await storeEvent(context, em, credentials, event, body));
    return stored;
  });
}

function readEvents(provider: Provider, request: WebhookRequest): WebhookEvent[] | null {
  try {
    return provider.webhooks.read(request);
  } catch {
    return null;
  }
}

async function storeEvent(
  context: ApiContext,
  em: Em,
  credentials: ProviderCredentials,
  event: WebhookEvent,
  body: string,
): Promise<Stored> {
  const now = context.clock.now();
  const key =
    event.kind === 'account_status' ? await reportKey(em, credentials.id, event.dedupeKey, now) : event.dedupeKey;
  const row = { type: event.type, dedupeKey: key, providerAccountId: event.providerAccountId, error: null };
  const { id, fresh } = await insert(context, em, credentials, { ...row, state: 'received', body });
  if (!fresh) return { id, type: event.type, state: 'duplicate', tell: null };
  const { account, tell } = await applyEvent(em, credentials.id, event, now);
  const state = account ? 'processed' : 'unmatched';
  await rows(
    em,
    'update webhook_events set tenant_id = ?, account_id = ?, state = ?, processed_at = ?, owes_signal = ? where id = ?',
    [account?.tenantId ?? null, account?.id ?? null, state, account ? now : null, tell !== null, id],
  );
  return { id, type: event.type, state, tell };
}

function storeUnreadable(context: ApiContext, em: Em, credentials: ProviderCredentials, body: string): Promise<Stored> {
  const dedupeKey = `unreadable:${createHash('sha256').update(body).digest('hex')}`;
  const error = "The body is not one of this provider's events.";
  const row = { type: 'unreadable', dedupeKey, providerAccountId: null, error };
  return insert(context, em, credentials, { ...row, state: 'failed', body }).then(({ id, fresh }) => ({
    id,
    type: 'unreadable',
    state: fresh ? 'failed' : 'duplicate',
    tell: null,
  }));
}

/**
 * Reports of a state carry neither id nor time, and the same one recurs legitimately: "OK" today and "OK" tomorrow.
 * The key therefore names a minute, and one of the minute before still counts as the same while it is young.
 */
async function reportKey(em: Em, credentialsId: string, dedupeKey: string, now: Date): Promise<string> {
  const minute = Math.floor(now.getTime() / sameReportMs);
  const before = `${dedupeKey}@${minute - 1}`;
  const [young] = await rows(
    em,
    'select id from webhook_events where credentials_id = ? and dedupe_key = ? and received_at > ?',
    [credentialsId, before, new Date(now.getTime() - sameReportMs)],
  );
  return young ? before : `${dedupeKey}@${minute}`;
}

interface NewEvent {
  type: string;
  dedupeKey: string;
  providerAccountId: string | null;
  state: 'received' | 'failed';
  error: string | null;
  body: string;
}

/** A row of its own, or one delivery more of the row there is. */
async function insert(
  { vault, clock }: ApiContext,
  em: Em,
  credentials: ProviderCredentials,
  event: NewEvent,
): Promise<{ id: string; fresh: boolean }> {
  const id = newId();
  const [row] = await rows<{ id: string }>(
    em,
    `insert into webhook_events as e (id, tenant_id, credentials_id, provider, provider_account_id, type, dedupe_key,
       state, error, body, deliveries, owes_signal, received_at)
     values (?, null, ?, ?, ?, ?, ?, ?, ?, ?, 1, false, ?)
     on conflict (credentials_id, dedupe_key) do update set deliveries = e.deliveries + 1
     returning id`,
    [
      id,
      credentials.id,
      credentials.provider,
      event.providerAccountId,
      event.type,
      event.dedupeKey,
      event.state,
      event.error,
      vault.seal(event.body, sealed.webhookBody(id)),
      clock.now(),
    ],
  );
  return { id: row?.id ?? id, fresh: row?.id === id };
}
