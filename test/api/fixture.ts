import { runSql } from '../support/run-sql.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { newId } from '../../platform/ids.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { Erasure } from '../../db/entities/privacy.ts';
import { openDetailsRun } from '../../db/queries/syncs/open-details-run.ts';
import { seedMessages } from '../support/seed-messages.ts';
import type { ApiClient } from '../support/client.ts';
import type { Operation } from './openapi.ts';
import { activate, connect, placeStep, unique, webhookOf, type TestApi } from './support.ts';

/** One of each kind, of one tenant. */
export type Ids = Record<
  | 'account'
  | 'step'
  | 'sync'
  | 'event'
  | 'key'
  | 'contact'
  | 'twin'
  | 'erasure'
  | 'conversation'
  | 'message'
  | 'attendee'
  | 'attachment'
  | 'endpoint'
  | 'delivery'
  | 'bulk',
  string
>;

export async function oneOfEach(api: TestApi, client: ApiClient): Promise<Ids> {
  const { account, attempt } = await connect(client);
  const step = await placeStep(api, attempt.id, { kind: 'code', source: 'sms' }, { canResend: true });
  const upstream = `up-${unique()}`;
  await activate(api, account.id, upstream);
  await api.context.db.system((em) => em.nativeUpdate(ConnectionAttempt, { id: attempt.id }, { state: 'running' }));
  const sync = await api.context.db.system((em) => openDetailsRun(em, account.id, new Date()));
  await postWebhook(api, { AccountStatus: { account_id: upstream, account_type: 'WHATSAPP', message: 'CREDENTIALS' } });
  const event = (await client.get(`/api/v1/webhook-events?account=${account.id}`)).body.items[0].id;
  const key = (await client.post('/api/v1/api-keys', { name: 'of the fixture' })).body.id;
  const [contact = '', twin = ''] = await twoContacts(api, account.id);
  const erasure = (await client.post('/api/v1/erasures', { phone: '+33639980909' })).body.id;
  await api.context.db.system((em) =>
    em.nativeUpdate(Erasure, { id: erasure }, { state: 'done', target: null, erasedAt: new Date() }),
  );
  const spoken = await api.context.db.system((em) =>
    seedMessages(em, account.id, (to) => {
      const attendee = to.attendee({ name: 'Maya' });
      const conversation = to.conversation({ labels: ['text'] }, [attendee]);
      const message = to.message(conversation, { senderId: attendee.id, text: 'some text' });
      const attachment = to.attachment(message, {});
      return { conversation: conversation.id, attendee: attendee.id, message: message.id, attachment: attachment.id };
    }),
  );
  const { endpoint, delivery } = await oneDelivery(api, client, account.id);
  // A tenant may have five that are open.
  await api.context.db.system((em) =>
    em.execute("update bulk_operations set state = 'done', due_at = null, ended_at = now() where ended_at is null"),
  );
  const bulk = (
    await client.post('/api/v1/bulk-operations', { operation: 'sync_details', filter: { ids: [account.id] } })
  ).body.id;
  return { account: account.id, step, sync, event, key, contact, twin, erasure, ...spoken, endpoint, delivery, bulk };
}

/** An endpoint at which nothing answers, and a delivery to it. */
async function oneDelivery({ context }: TestApi, client: ApiClient, accountId: string) {
  const made = await client.post('/api/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/events' });
  const endpoint: string = made.body.id;
  const delivery = newId();
  await context.db.system((em) =>
    runSql(
      em,
      `insert into webhook_deliveries (id, tenant_id, endpoint_id, stamp, seq, lane, type, account_id, data, event_at, state,
         tries, created_at, next_try_at, give_up_at)
       select ?, tenant_id, ?, 1, 1, id, 'account.updated', id, '{"changed": ["label"]}', now(), 'dead', 0, now(), null, now()
       from accounts where id = ?`,
      [delivery, endpoint, accountId],
    ),
  );
  return { endpoint, delivery };
}

/** Two people in the address book of an account. */
export const twoContacts = ({ context }: TestApi, accountId: string): Promise<string[]> =>
  context.db.system(async (em) => {
    const [row] = await runSql<{ tenant_id: string }>(em, 'select tenant_id from accounts where id = ?', [accountId]);
    const of = { tenantId: row!.tenant_id, accountId, at: new Date(), vault: context.vault, keep: null };
    const seen = ['33639980901', '33639980902'].map((digits, n) => ({
      id: `${digits}@s.whatsapp.net`,
      phone: `+${digits}`,
      lid: null,
      name: n ? null : `Ana ${unique()}`,
      pushName: null,
      verifiedName: null,
      company: n ? 'Acme' : null,
      isBusiness: false,
      status: null,
      raw: { id: digits },
    }));
    return (await saveContacts(em, of, seen)).map(({ contactId }) => contactId);
  });

/** A webhook of the installation's provider, with the right secret. */
export async function postWebhook(api: TestApi, body: object | string): Promise<Response> {
  const { address, secret } = await webhookOf(api);
  return fetch(address, {
    method: 'POST',
    headers: { 'patchbay-webhook-secret': secret },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** The kind of `{id}`, by the noun before it. */
const nouns: Record<string, keyof Ids> = {
  accounts: 'account',
  platforms: 'account',
  steps: 'step',
  syncs: 'sync',
  'webhook-events': 'event',
  'api-keys': 'key',
  erasures: 'erasure',
  contacts: 'contact',
  conversations: 'conversation',
  chats: 'conversation',
  messages: 'message',
  attendees: 'attendee',
  attachments: 'attachment',
  'webhook-endpoints': 'endpoint',
  'webhook-deliveries': 'delivery',
  'bulk-operations': 'bulk',
};
/** Fields of queries and bodies that hold an id. */
const fields: Record<string, keyof Ids> = {
  account: 'account',
  accountId: 'account',
  account_id: 'account',
  accounts: 'account',
  endpoint: 'endpoint',
  contact_ids: 'contact',
  conversation_ids: 'conversation',
  conversation: 'conversation',
  attendee: 'attendee',
};
/** Names that look like ids of ours, and a place in the feed, which is no secret. */
const noIds = new Set([
  'provider',
  'provider_account_ids',
  'phone_number',
  'phone_number_id',
  'business_account_id',
  'last_event_id',
  // Of a file.
  'name',
]);

export interface IdPlace {
  in: 'path' | 'query' | 'body';
  name: string;
  kind: keyof Ids;
}

/** Throws on an unknown name, so that no place goes untested. */
export function idPlaces({ name: operation, path, parameters, body }: Operation): IdPlace[] {
  const inPath = [...path.matchAll(/([\w-]+)\/\{(\w+)\}/g)]
    .filter(([, , name = '']) => !noIds.has(name))
    .map(([, noun = '', name = '']) => ({ in: 'path' as const, name, kind: nouns[noun] }));
  const looksLikeId = (name: string): boolean =>
    name in fields || (!noIds.has(name) && /(^|_)ids?$|[a-z]Ids?$/.test(name));
  const named = (place: 'query' | 'body', names: string[]) =>
    names.filter(looksLikeId).map((name) => ({ in: place, name, kind: fields[name] }));
  const queries = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
  return [...inPath, ...named('query', queries), ...named('body', Object.keys(body?.properties ?? {}))].map((place) => {
    const { kind } = place;
    if (!kind) throw new Error(`${operation}: which id is "${place.name}"? Say so in test/api/fixture.ts.`);
    return { ...place, kind };
  });
}
