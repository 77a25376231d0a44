import { isDeepStrictEqual } from 'node:util';
import { LockMode } from '@mikro-orm/core';
import type { Em } from '../../db/connect.ts';
import { WebhookEvent, type WebhookRequest } from '../../db/entities/events.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { sameRows, writtenRows, type ChangedRow } from '../../db/queries/webhooks/changed-rows.ts';
import { loginsOfGroups } from '../../db/queries/accounts/provider-groups.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { notKept } from '../../db/queries/webhooks/insert-requests.ts';
import { enterIntake } from '../../db/queries/webhooks/intake-fence.ts';
import { knownAccount } from '../../db/queries/webhooks/known-accounts.ts';
import { clearSignals } from '../../db/queries/webhooks/owed.ts';
import { requestCheck } from '../../db/queries/webhooks/request-checks.ts';
import { requestOf } from '../../db/queries/webhooks/requests.ts';
import { renoteSubjects } from '../../db/queries/webhooks/subjects.ts';
import { sealed } from '../../db/sealed.ts';
import type { ProviderName } from '../../domain/channels.ts';
import { peopleIn, type ReadRequest } from '../../domain/webhook-events.ts';
import type { AccountRef } from '../../temporal/client.ts';
import { applyContactEvents } from '../contacts/apply-contact-events.ts';
import type { Context } from '../context.ts';
import { Problem } from '../problem.ts';
import { signalConnection } from '../signal.ts';
import { effectOf } from './effect.ts';
import { applyMessageEvents } from './message-events.ts';
import { storeRequests, unreadable, type StoredEvent } from './store-requests.ts';

/** Events whose account must be signalled. */
type Owing = Pick<StoredEvent, 'id' | 'receivedAt' | 'account'>;

/**
 * Reads a stored event once more and applies it, as after a fix; others of its request stay as they are. A report about an
 * account has its provider asked. One that still cannot be read stays as it is. Throws `event_too_old` without a body.
 */
export async function replayEvent(context: Context, id: string): Promise<void> {
  const owing = await context.db.system((em) => replayIn(context, em, id));
  for (const { account, ...event } of owing)
    if (account && (await signalConnection(context, account, 'replay')))
      await context.db.system((em) => clearSignals(em, [event]));
}

async function replayIn(context: Context, em: Em, id: string): Promise<Owing[]> {
  const found = await em.findOneOrFail(WebhookEvent, { id });
  // Before the event: an erasure holds it, and then writes this.
  if (found.kind === 'contact' && found.accountId) await lockContacts(em, found.accountId);
  const event = await em.findOneOrFail(WebhookEvent, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
  const request = await requestOf(em, event);
  if (!request || request.body === null) throw new Problem('event_too_old');
  const read = await readAgain(context, em, request, event);
  const isUnreadableItem = request.state === 'read' && read.events?.[event.position]?.kind === unreadable;
  if (!read.events || (event.kind === unreadable && isUnreadableItem)) return [];
  if (event.kind === unreadable) return replayAnew(context, em, event, request, read);
  return (await isOfGroup(em, event, read))
    ? replayAnew(context, em, event, request, read, event.position)
    : replayOne(context, em, event, request, read);
}

/** Whether an event that no account was found for is of a group that has accounts by now. */
async function isOfGroup(
  em: Em,
  { accountId, credentialsId, position }: WebhookEvent,
  read: ReadRequest,
): Promise<boolean> {
  const group = read.events?.[position]?.providerGroup;
  if (group === undefined || accountId !== null) return false;
  return (await loginsOfGroups(em, [{ credentialsId, group }])).length > 0;
}

/** A row that a replay would change: `before` is null where it would make the row. */
export interface ReplayChange {
  table: string;
  id: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown>;
}

/** Undoes a transaction whose changes are known by then. */
class Undo extends Error {
  readonly rows: ChangedRow[];

  constructor(rows: ChangedRow[]) {
    super('The transaction is undone.');
    this.rows = rows;
  }
}

/** What `replayEvent` would change; changes nothing. Throws as that does. */
export async function previewReplay({ db, ...context }: Context, id: string): Promise<ReplayChange[]> {
  const changed = await db
    .system(async (em) => {
      await replayIn({ db, ...context }, em, id);
      await em.flush();
      const event = await em.findOneOrFail(WebhookEvent, { id }, { refresh: true });
      throw new Undo(await writtenRows(em, event.accountId));
    })
    .catch((error: unknown) => {
      if (error instanceof Undo) return error.rows;
      throw error;
    });
  const known = new Map((await db.system((em) => sameRows(em, changed))).map((one) => [one.table + one.id, one.row]));
  return changed.flatMap(({ table, id: row, row: after }) => {
    const before = known.get(table + row) ?? null;
    return isDeepStrictEqual(before, after) ? [] : [{ table, id: row, before, after }];
  });
}

const noEvents: ReadRequest = { body: '', events: null, mentions: [] };

async function readAgain(
  { providers, reader, vault }: Context,
  em: Em,
  { id, tenantId, body, provider }: WebhookRequest,
  event: WebhookEvent,
): Promise<ReadRequest> {
  const known = providers[provider as ProviderName];
  const keys = await vault.keysOf(em, tenantId);
  const raw = Buffer.from(keys.open(body ?? '', sealed.webhookBody(id)));
  return known ? reader.read(known, { raw, headers: {} }, event.providerAccountId, event.credentialsId) : noEvents;
}

async function replayOne(
  context: Context,
  em: Em,
  row: WebhookEvent,
  request: WebhookRequest,
  read: ReadRequest,
): Promise<Owing[]> {
  const event = read.events?.[row.position];
  if (!event) return [];
  const now = context.clock.now();
  const login = event.providerGroup === undefined ? event.providerAccountId : row.providerAccountId;
  const account = await knownAccount(em, row.credentialsId, login);
  const wants = account !== null && effectOf(event, account, false) !== 'none';
  if (wants) await requestCheck(em, account.id, now);
  if (account) {
    await applyMessageEvents(context, em, [{ event, account, receivedAt: row.receivedAt }]);
    const of = { accountId: account.id, tenantId: account.tenantId };
    if (event.kind === 'contact')
      await applyContactEvents(context, em, of, [{ ...event, receivedAt: row.receivedAt.getTime() }], false);
  }
  row.state = account ? 'processed' : 'unmatched';
  row.error = null;
  row.accountId = account?.id ?? row.accountId;
  row.processedAt = now;
  row.owesSignal = wants;
  if (account && row.tenantId !== account.tenantId) {
    row.tenantId = account.tenantId;
    await giveTo(context, em, row, request, read, account.tenantId);
  }
  if (!wants) return [];
  const { id: accountId, tenantId, channel, provider } = account;
  return [{ ...keyOf(row), account: { accountId, tenantId, channel, provider } satisfies AccountRef }];
}

const keyOf = ({ id, receivedAt }: { id: string; receivedAt: Date }) => ({ id, receivedAt: receivedAt.toISOString() });

/** The tenant of a request is known only now: the people in it become the tenant's to erase, or were erased already. */
async function giveTo(
  { vault }: Context,
  em: Em,
  row: WebhookEvent,
  request: WebhookRequest,
  read: ReadRequest,
  tenantId: string | null,
): Promise<void> {
  const others = await em.count(WebhookEvent, {
    requestId: request.id,
    id: { $ne: row.id },
    $or: [{ tenantId: { $ne: tenantId } }, { tenantId: null }],
  });
  const owner = others ? null : tenantId;
  if (request.tenantId !== owner) {
    // Another tenant's keys would not open it.
    request.body = (await vault.keysOf(em, owner)).seal(read.body, sealed.webhookBody(request.id));
    request.tenantId = owner;
  }
  await em.flush();
  await enterIntake(em, tenantId);
  const dropped = await renoteSubjects(em, vault, tenantId, [{ request: keyOf(request), people: peopleIn(read) }]);
  const gone = dropped.get(request.id);
  if (gone) row.error = notKept[gone];
}

/**
 * What could not be read is now, or a group has accounts: the events, or the one at `only`, become rows of their own, as if
 * they had just come.
 */
async function replayAnew(
  context: Context,
  em: Em,
  row: WebhookEvent,
  request: WebhookRequest,
  read: ReadRequest,
  only?: number,
): Promise<Owing[]> {
  const { credentialsId, provider, providerAccountId } = row;
  const { tenantId } = await em.findOneOrFail(ProviderCredentials, { id: credentialsId });
  request.state = 'read';
  row.state = 'processed';
  row.error = null;
  row.processedAt = context.clock.now();
  await em.flush();
  const [stored = []] = await storeRequests(
    context,
    em,
    [
      {
        id: request.id,
        sender: { credentialsId, tenantId, provider, providerAccountId, proof: null },
        headers: request.headers,
        receivedAt: request.receivedAt,
        read,
        isNew: false,
        only,
      },
    ],
    'apply',
  );
  const fresh = await em.find(WebhookEvent, { requestId: request.id, id: stored.map(({ id }) => id) });
  const tenants = new Set(fresh.map((one) => one.tenantId));
  if (tenants.size === 1) await giveTo(context, em, row, request, read, fresh[0]?.tenantId ?? null);
  return stored;
}
