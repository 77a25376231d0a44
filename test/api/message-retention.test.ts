import { MessageReceipt } from '../../db/entities/messages.ts';
import { maintenanceParts } from '../../services/maintenance/parts.ts';
import { unipile } from '../../providers/unipile/index.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { activate, connect, startTestApi, unique, webhookOf, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const query = (statement: string, params: unknown[] = []): Promise<any[]> =>
  api.context.db.system((em) => runSql<any>(em, statement, params));
const countOf = async (table: string, accountId: string): Promise<number> =>
  (await query(`select count(*)::int as n from ${table} where account_id = ?`, [accountId]))[0].n;
const daysAgo = (days: number): Date => new Date(api.context.clock.now().getTime() - days * 86_400_000);
const removeOld = (): Promise<number> =>
  maintenanceParts.messages({
    context: api.context,
    now: api.context.clock.now(),
    isOver: () => false,
    signal: new AbortController().signal,
  });

async function newAccount(client = api.client): Promise<{ id: string; upstream: string }> {
  const { account } = await connect(client);
  const upstream = `up-${unique()}`;
  await activate(api, account.id, upstream);
  return { id: account.id, upstream };
}

/** A conversation with a message of each of these days ago, with a text that holds them, a receipt and a file. */
const talk = (accountId: string, ages: readonly number[]): Promise<{ id: string; messages: string[] }> =>
  api.context.db.system(async (em) => {
    const made = await seedMessages(em, accountId, (to) => {
      const person = to.attendee({ name: 'Ana' });
      const conversation = to.conversation({ unreadCount: ages.length }, [person]);
      const messages = ages.map((days) => {
        const text = `${days} quixotic days`;
        const message = to.message(conversation, {
          sentAt: daysAgo(days),
          text,
          versions: [
            { text: 'before the edit', at: null },
            { text, at: daysAgo(days).getTime() },
          ],
        });
        to.attachment(message, {});
        return message;
      });
      return { conversation, person, messages };
    });
    const { conversation, person, messages } = made;
    for (const { id: messageId, tenantId } of messages)
      em.persist(
        em.create(MessageReceipt, { messageId, attendeeId: person.id, tenantId, status: 'read', at: daysAgo(1) }),
      );
    await em.flush();
    return { id: conversation.id, messages: messages.map(({ id }) => id) };
  });

describe('B14: messages are kept for as long as their tenant says', () => {
  it('older ones go with all that belongs to them; others, and those of other tenants, stay', async () => {
    const other = await api.clientOf('other');
    const [own, theirs] = [await newAccount(), await newAccount(other)];
    const conversation = await talk(own.id, [100, 31, 29, 2]);
    await talk(theirs.id, [100]);
    expect(await removeOld()).toBe(0);
    await api.client.patch('/api/v1/tenant', { message_retention_days: 30 });
    expect(await removeOld()).toBe(2);
    expect(await removeOld()).toBe(0);
    const kept = conversation.messages.slice(2);
    const { body: shown } = await api.client.get(`/api/v1/conversations/${conversation.id}/messages`);
    expect(shown.items.map(({ id }: any) => id)).toEqual(kept.toReversed());
    const { body: found } = await api.client.get('/api/v1/search?q=quixotic');
    expect(found.items.map(({ message }: any) => message.id).toSorted()).toEqual(kept.toSorted());
    expect(await countOf('attachments', own.id)).toBe(2);
    const keys = "select from provider_keys where account_id = ? and kind = 'message'";
    expect(await query(keys, [own.id])).toHaveLength(2);
    const receipts = 'select from message_receipts where message_id = any(?::uuid[])';
    expect(await query(receipts, [`{${conversation.messages.join(',')}}`])).toHaveLength(2);
    const { body: one } = await api.client.get(`/api/v1/conversations/${conversation.id}`);
    expect(one.unread_count).toBe(2);
    expect(await countOf('messages', theirs.id)).toBe(1);
  });

  it('a conversation without messages stays, and a message that waits to be sent does', async () => {
    await api.client.patch('/api/v1/tenant', { message_retention_days: 30 });
    const { id } = await newAccount();
    const conversation = await talk(id, [40, 50]);
    const [waiting] = conversation.messages;
    await query(
      `insert into message_sends (message_id, tenant_id, account_id, conversation_id, position, state, next_try_at, tries,
         looks, recipients, created_at)
       select id, tenant_id, account_id, conversation_id, 1, 'queued', now(), 0, 0, '[]', now() from messages
       where id = ?`,
      [waiting],
    );
    expect(await removeOld()).toBe(1);
    await query("update message_sends set state = 'sent' where message_id = ?", [waiting]);
    expect(await removeOld()).toBe(1);
    const { body } = await api.client.get(`/api/v1/conversations/${conversation.id}`);
    expect(body).toMatchObject({ id: conversation.id, unread_count: 0, last_message: null });
  });

  it('one that a webhook brings again, or too late, is not stored', async () => {
    await api.client.patch('/api/v1/tenant', { message_retention_days: 30 });
    const { id, upstream } = await newAccount();
    const { address, secret } = await webhookOf(api);
    const send = async (name: string, days: number): Promise<void> => {
      const peer = '33639980001@s.whatsapp.net';
      const body = {
        event: 'message_received',
        account_id: upstream,
        account_type: 'WHATSAPP',
        chat_id: 'chat-1',
        provider_chat_id: peer,
        message_id: `unipile-${name}`,
        provider_message_id: name,
        message: name,
        timestamp: daysAgo(days).toISOString(),
        is_sender: false,
        sender: { attendee_id: 'a1', attendee_provider_id: peer, attendee_name: 'Ana' },
        attendees: [],
        attachments: [],
      };
      const headers = { 'content-type': 'application/json', [unipile.webhooks.header]: secret };
      expect((await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) })).status).toBe(200);
    };
    await send('old', 31);
    await send('young', 29);
    const texts = (await query('select text from messages where account_id = ?', [id])).map(({ text }) => text);
    expect(texts).toEqual(['young']);
  });
});
