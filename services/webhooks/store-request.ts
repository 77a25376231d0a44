import { createHash } from 'node:crypto';
import { rows, type Em } from '../../db/connect.ts';
import type { ProviderCredentials } from '../../db/entities/tenants.ts';
import { settleEvent } from '../../db/queries/webhooks/webhook-subjects.ts';
import { sealed } from '../../db/sealed.ts';
import { subjectsIn } from '../../domain/erasure.ts';
import { newId } from '../../platform/ids.ts';
import type { Provider, WebhookEvent, WebhookRequest } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import { isDatabaseDown } from '../../db/database-down.ts';
import { applyAgain, applyEvent, type Effect } from './apply-event.ts';
import { readEvents } from './parse-events.ts';

/** What became of one event. */
export interface Stored {
  id: string;
  /** For counting: one of few names, whatever the provider sent. */
  label: string;
  state: 'processed' | 'unmatched' | 'failed' | 'duplicate';
  tell: Effect['tell'];
}

/** The type of a body that could not be read. */
export const unreadable = 'unreadable';

/** Equal reports of an account's state within this time are one event; later ones are news again. In milliseconds. */
const sameReportMs = 60_000;

/**
 * Stores a request's events with their effects in one transaction: after it nothing of them can be lost. Events that
 * cannot be applied are kept as failed, to be replayed. Throws when PostgreSQL takes nothing now.
 */
export async function storeRequest(
  context: Context,
  provider: Provider,
  credentials: ProviderCredentials,
  request: WebhookRequest,
  sender: string | null = null,
): Promise<Stored[]> {
  const events = readEvents(provider, request, sender);
  const raw = request.raw.toString('utf8');
  const body = provider.webhooks.withoutKeys?.(raw) ?? raw;
  if (!events) return [await context.db.system((em) => storeUnreadable(context, em, credentials, body, sender))];
  const store = (storeOne: typeof storeEvent): Promise<Stored[]> =>
    context.db.system(async (em) => {
      const stored: Stored[] = [];
      for (const event of events) stored.push(await storeOne(context, em, credentials, event, body));
      return stored;
    });
  try {
    return await store(storeEvent).catch((error: unknown) => {
      if (isDatabaseDown(error)) throw error;
      // Of two that wait for each other one is given up, and a connection may be cut in the middle: once more.
      return store(storeEvent);
    });
  } catch (error) {
    if (isDatabaseDown(error)) throw error;
    context.log.error({ err: error, provider: provider.name }, 'webhook events could not be applied');
    return store(storeFailed);
  }
}

/** One event with its effect, in the caller's transaction. */
export async function storeEvent(
  context: Context,
  em: Em,
  credentials: ProviderCredentials,
  event: WebhookEvent,
  body: string,
): Promise<Stored> {
  const now = context.clock.now();
  const key =
    event.kind === 'account_status' ? await reportKey(em, credentials.id, event.dedupeKey, now) : event.dedupeKey;
  const label = labelOf(event);
  const row = { type: event.type, dedupeKey: key, providerAccountId: event.providerAccountId, error: null };
  const { id, fresh } = await insert(context, em, credentials, { ...row, state: 'received', body });
  // A report of a state may be the old one delivered twice or a new one in the same words: a look is due either way.
  if (!fresh && event.kind !== 'account_status') return { id, label, state: 'duplicate', tell: null };
  const { account, tell } = await (fresh ? applyEvent : applyAgain)(em, credentials.id, event, now);
  if (!fresh) {
    if (tell) await rows(em, 'update webhook_events set owes_signal = true where id = ?', [id]);
    return { id, label, state: 'duplicate', tell };
  }
  const state = account ? 'processed' : 'unmatched';
  const settled = {
    id,
    tenantId: account?.tenantId ?? credentials.tenantId,
    accountId: account?.id ?? null,
    state,
    processedAt: account ? now : null,
    owesSignal: tell !== null,
    error: null,
  };
  // A word about an account's state speaks of nobody else.
  const subjects = event.kind === 'account_status' ? [] : subjectsIn(body);
  await settleEvent(em, context.vault, settled, subjects);
  return { id, label, state, tell };
}

const labelOf = (event: WebhookEvent): string =>
  event.kind === 'account_status' ? `account_status.${event.status}` : event.kind;

async function storeFailed(
  context: Context,
  em: Em,
  credentials: ProviderCredentials,
  event: WebhookEvent,
  body: string,
): Promise<Stored> {
  const { type, dedupeKey, providerAccountId } = event;
  const row = { type, dedupeKey, providerAccountId, error: 'Applying it failed. Replay it once that is mended.' };
  const { id, fresh } = await insertFailed(context, em, credentials, row, body);
  return { id, label: labelOf(event), state: fresh ? 'failed' : 'duplicate', tell: null };
}

async function storeUnreadable(
  context: Context,
  em: Em,
  credentials: ProviderCredentials,
  body: string,
  providerAccountId: string | null,
): Promise<Stored> {
  const dedupeKey = `unreadable:${createHash('sha256').update(body).digest('hex')}`;
  const error = "The body is not one of this provider's events.";
  const row = { type: unreadable, dedupeKey, providerAccountId, error };
  const { id, fresh } = await insertFailed(context, em, credentials, row, body);
  return { id, label: unreadable, state: fresh ? 'failed' : 'duplicate', tell: null };
}

/** What failed is kept with whom it speaks of too: an erasure must reach it. */
async function insertFailed(
  context: Context,
  em: Em,
  credentials: ProviderCredentials,
  row: Omit<NewEvent, 'state' | 'body'>,
  body: string,
): Promise<{ id: string; fresh: boolean }> {
  const inserted = await insert(context, em, credentials, { ...row, state: 'failed', body });
  const { tenantId } = credentials;
  const settled = {
    tenantId,
    accountId: null,
    state: 'failed',
    processedAt: null,
    owesSignal: false,
    error: row.error,
  };
  if (inserted.fresh) await settleEvent(em, context.vault, { id: inserted.id, ...settled }, subjectsIn(body));
  return inserted;
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
  { vault, clock }: Context,
  em: Em,
  credentials: ProviderCredentials,
  event: NewEvent,
): Promise<{ id: string; fresh: boolean }> {
  const id = newId();
  const keys = await vault.keysOf(em, credentials.tenantId);
  const [row] = await rows<{ id: string }>(
    em,
    `insert into webhook_events as e (id, tenant_id, credentials_id, provider, provider_account_id, type, dedupe_key,
       state, error, body, deliveries, owes_signal, received_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, false, ?)
     on conflict (credentials_id, dedupe_key) do update set deliveries = e.deliveries + 1
     returning id`,
    [
      id,
      // At a webhook of its own, a tenant's events are the tenant's whatever they turn out to be.
      credentials.tenantId,
      credentials.id,
      credentials.provider,
      event.providerAccountId,
      event.type,
      event.dedupeKey,
      event.state,
      event.error,
      keys.seal(event.body, sealed.webhookBody(id)),
      clock.now(),
    ],
  );
  return { id: row?.id ?? id, fresh: row?.id === id };
}
