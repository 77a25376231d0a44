import { claimEvents } from '../../services/webhooks/claim-events.ts';
import { mergeContacts } from '../../db/queries/contacts/merge-contacts.ts';
import { openContactsRun } from '../../db/queries/syncs/open-contacts-run.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import type { Fact } from '../../services/messages/facts.ts';
import { withoutErased } from '../../services/messages/without-erased.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { type TestStack } from '../support/stack.ts';
import { wasenderAccount } from '../support/wasender-account.ts';
import {
  people,
  createErasing,
  entry,
  newPerson,
  startErasureFixture,
  type Person,
  type ErasureFixture,
} from './erasing.ts';

let stack: TestStack;
let other: ApiClient;
let one: ErasureFixture['one'];
let two: ErasureFixture['two'];
let theirs: ErasureFixture['theirs'];
beforeAll(async () => {
  ({ stack, other, one, two, theirs } = await startErasureFixture());
});
afterAll(() => stack?.stop());
const { query, contactsOf, byPhone, tenantOf, sync, erase, save, deliver, message, eventsOf, tracesIn } = createErasing(
  () => stack,
);

describe('SECURITY 21: erasure', () => {
  it('takes a person out of every account of the tenant, and of no other tenant', async () => {
    const [{ phone_number: phone, id }] = (await contactsOf(stack.api, one.id)).filter((found) => found.saved_name);
    const { body: asked } = await stack.api.post(`/api/v1/contacts/${id}/erase`);
    expect(asked).toMatchObject({ state: expect.stringMatching(/running|done/) });
    const done = await eventually('the erasure', async () => {
      const { body } = await stack.api.get(`/api/v1/erasures/${asked.id}`);
      return body.state === 'done' ? body : null;
    });
    expect(done.receipt).toMatchObject({ contacts: 2, raw_records: 2 });
    expect(JSON.stringify(done)).not.toContain(phone.slice(1));
    expect(await byPhone(stack.api, one.id, phone)).toBeNull();
    expect(await byPhone(stack.api, two.id, phone)).toBeNull();
    expect(await byPhone(other, theirs.id, phone)).toMatchObject({ phone_number: phone });
    expect((await stack.api.get(`/api/v1/contacts/${id}`)).status).toBe(404);
    expect((await other.get(`/api/v1/erasures/${asked.id}`)).status).toBe(404);
    expect((await stack.api.get('/api/v1/erasures')).body.items[0]).toEqual(done);
  });

  it('is not undone by a later sync of any account, until it is lifted', async () => {
    const [{ phone_number: phone }] = await contactsOf(stack.api, one.id);
    const { id } = await erase({ phone });
    expect(await sync(stack.api, one.id)).toMatchObject({ erased: 2, inserted: 0 });
    expect(await sync(stack.api, two.id)).toMatchObject({ erased: 2, inserted: 0 });
    const fresh = await wasenderAccount(stack, stack.api, people);
    for (const account of [one, two, fresh]) expect(await byPhone(stack.api, account.id, phone)).toBeNull();
    expect(await sync(other, theirs.id)).toMatchObject({ erased: 0 });

    expect((await stack.api.delete(`/api/v1/erasures/${id}`)).body).toMatchObject({ state: 'lifted', receipt: {} });
    expect(await sync(stack.api, one.id)).toMatchObject({ erased: 1, inserted: 1 });
    expect(await byPhone(stack.api, one.id, phone)).toMatchObject({ phone_number: phone });
  });

  it('reaches merged contacts, and contacts known by a LID alone in another account; its receipt counts each once', async () => {
    const ana = newPerson();
    const second = newPerson();
    const bystander = newPerson();
    const [known = '', merged = ''] = await save(
      one.id,
      entry({ id: ana.jid, phone: ana.phone, lid: ana.lid, name: ana.name }),
      entry({ id: second.jid, phone: second.phone, name: ana.name }),
      entry({ id: bystander.jid, phone: bystander.phone }),
    );
    const { db } = stack.worker.context;
    const tenantId = await tenantOf(one.id);
    await db.tenant(tenantId, (em) =>
      mergeContacts(em, { tenantId, accountId: one.id, at: new Date() }, known, [merged]),
    );
    await save(two.id, entry({ id: ana.lid, pushName: ana.name }));
    await save(theirs.id, entry({ id: ana.jid, phone: ana.phone, lid: ana.lid, name: ana.name }));

    const { receipt } = await erase({ lid: ana.lid });
    expect(receipt).toEqual({
      erased_at: expect.any(String),
      contacts: 3,
      aliases: 4,
      raw_records: 3,
      webhook_bodies: 0,
      sync_runs: 0,
      stored_answers: 0,
      timeline_entries: 0,
      conversations: 0,
      messages: 0,
    });
    expect(await tracesIn(tenantId, ana.jid, ana.lid, ana.name, second.jid)).toEqual([]);
    expect(await byPhone(stack.api, one.id, bystander.phone)).not.toBeNull();
    expect(await byPhone(other, theirs.id, ana.phone)).not.toBeNull();
  });

  it('reaches sealed bodies of events under any name, runs of syncs, and stored answers', async () => {
    const ana = newPerson();
    const bystander = newPerson();
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, lid: ana.lid, name: ana.name }));
    await message(one.session, { remoteJid: ana.jid, cleanedSenderPn: ana.phone.slice(1) });
    await message(one.session, { remoteJid: ana.lid });
    await message(two.session, { remoteJid: '120363000000000001@g.us', participant: ana.jid.replace('@', ':7@') });
    await message(one.session, { remoteJid: bystander.jid });
    await message(theirs.session, { remoteJid: ana.jid });
    await stack.api.post(
      `/api/v1/accounts/${one.id}/syncs?wait=20`,
      { kind: 'contacts', scope: { phone: ana.phone } },
      {
        'idempotency-key': `about-${bystander.phone}`,
      },
    );
    const { db, vault, clock } = stack.worker.context;
    const tenantId = await tenantOf(one.id);
    await db.tenant(tenantId, (em) =>
      openContactsRun(em, vault, { id: two.id, tenantId }, { phone: bystander.phone }, clock.now()),
    );
    const runs = (await query('select id from sync_runs where tenant_id = ? and target is not null', [tenantId]))
      .length;

    const { receipt } = await erase({ phone: ana.phone });
    expect(receipt).toMatchObject({ contacts: 1, webhook_bodies: 3, sync_runs: 1, stored_answers: 1 });
    const bodies = [...(await eventsOf(stack.api, one.id)), ...(await eventsOf(stack.api, two.id))];
    expect(bodies.filter(({ body }) => body === null)).toHaveLength(3);
    for (const event of bodies.filter(({ body }) => body === null)) {
      expect(event).toMatchObject({ state: 'processed', error: expect.stringContaining('erased') });
      expect((await stack.api.post(`/api/v1/webhook-events/${event.id}/replay`)).body.code).toBe('event_too_old');
    }
    expect(bodies.some(({ body }) => body?.includes(bystander.jid))).toBe(true);
    expect((await eventsOf(other, theirs.id)).some(({ body }) => body?.includes(ana.jid))).toBe(true);
    expect(await query('select id from sync_runs where tenant_id = ? and target is not null', [tenantId])).toHaveLength(
      runs - 1,
    );
    const repeated = await stack.api.post(
      `/api/v1/accounts/${one.id}/syncs?wait=20`,
      { kind: 'contacts', scope: { phone: ana.phone } },
      { 'idempotency-key': `about-${bystander.phone}` },
    );
    expect([repeated.status, repeated.body.code]).toEqual([410, 'answer_erased']);
    expect(repeated.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await tracesIn(tenantId, ana.jid, ana.lid, ana.phone, ana.name)).toEqual([]);
  });

  it('keeps what others write in a group of an erased person, and nothing of the person', async () => {
    const [ana, bo] = [newPerson(), newPerson()];
    const group = `1203630000${ana.phone.slice(-5)}@g.us`;
    await erase({ phone: ana.phone });
    const participants = [ana, bo].map(({ jid }) => ({ id: jid }));
    await deliver(one.session, 'groups.upsert', [{ id: group, subject: 'Trip', participants }]);
    const left = { id: group, participants: participants.slice(0, 1), action: 'remove' };
    await deliver(one.session, 'group-participants.update', left);
    await message(one.session, { remoteJid: group, participant: bo.jid });
    await message(one.session, { remoteJid: group, participant: ana.jid });
    await message(one.session, { remoteJid: ana.jid });
    const { db, vault } = stack.worker.context;
    const tenantId = await tenantOf(one.id);
    const [said] = await eventually('the message of the other', async () => {
      const found = await query(
        `select m.id, c.name from messages m join conversations c on c.id = m.conversation_id
         where c.provider_conversation_id = ?`,
        [group],
      );
      return found.length ? found : null;
    });
    expect(said.name).toBe('Trip');
    const members = await query(
      `select a.provider_attendee_id as id from conversation_attendees o join attendees a on a.id = o.attendee_id
       join conversations c on c.id = o.conversation_id where c.provider_conversation_id = ?`,
      [group],
    );
    expect(members).toEqual([{ id: bo.jid }]);
    const seen = (keys: readonly string[]) => ({
      keys,
      name: null,
      phone: null,
      isSelf: false,
      pictureUrl: null,
      pictureSource: null,
    });
    const fact = (more: object, conversation: object): Fact => ({
      accountId: one.id,
      tenantId,
      teller: 'provider',
      isLive: true,
      receivedAt: 0,
      told: {
        kind: 'message',
        message: {
          keys: ['X1'],
          conversationKeys: [group],
          direction: 'in',
          sender: seen([bo.jid]),
          text: 'Hi',
          sentAt: 0,
          status: null,
          deleted: false,
          quotedKey: null,
          attachments: [],
          reactions: [{ emoji: '👍', by: seen([ana.jid]) }],
          ...more,
        },
        conversation: { keys: [group], ...conversation },
      },
    });
    const attendees = [seen([ana.jid]), seen([bo.jid])];
    const facts = [
      fact({}, { kind: 'group', attendees }),
      fact({ sender: seen([ana.jid]) }, { kind: 'group', attendees }),
      fact({}, { kind: 'person', attendees }),
    ];
    const kept = await db.tenant(tenantId, (em) => withoutErased(em, vault, tenantId, facts));
    expect(kept).toEqual([fact({ reactions: [] }, { kind: 'group', attendees: attendees.slice(1) })]);
    expect(await tracesIn(tenantId, ana.jid, ana.phone)).toEqual([]);
  });

  it('removes the number of an erased person from all runs about that person alone, however they ended', async () => {
    const [{ phone_number: phone, wasender_jid: jid }] = await contactsOf(stack.api, one.id);
    const nobody = newPerson();
    for (const erased of [phone, nobody.phone]) await erase({ phone: erased });
    const syncOf = async (about: string): Promise<any> => {
      const request = { kind: 'contacts', scope: { phone: about } };
      return (await stack.api.post(`/api/v1/accounts/${one.id}/syncs?wait=20`, request)).body;
    };
    expect(await syncOf(phone)).toMatchObject({ state: 'succeeded', scope: {}, stats: { erased: 1, inserted: 0 } });
    expect(await syncOf(nobody.phone)).toMatchObject({ state: 'failed', scope: {}, reason: 'not_found' });
    const { db, vault, clock } = stack.worker.context;
    const tenantId = await tenantOf(one.id);
    const { id } = await db.tenant(tenantId, (em) =>
      openContactsRun(em, vault, { id: two.id, tenantId }, { phone }, clock.now()),
    );
    expect((await stack.api.get(`/api/v1/syncs/${id}`)).body.scope).toEqual({ phone });
    const { body: cancelled } = await stack.api.post(`/api/v1/syncs/${id}/cancel`);
    expect(cancelled.state).toBe('cancelled');
    expect((await stack.api.get(`/api/v1/syncs/${id}`)).body.scope).toEqual({});
    expect(await stack.api.post(`/api/sync/wasender-contact/${phone}`)).toMatchObject({
      status: 404,
      body: { code: 'not_found', error: expect.stringContaining('erased') },
    });
    expect(await tracesIn(tenantId, phone, jid, nobody.phone)).toEqual([]);
    expect(
      await query('select distinct scope from sync_runs where tenant_id = ? and target is null', [tenantId]),
    ).toEqual(expect.arrayContaining([{ scope: 'one/' }]));
  });

  it('keeps no body with more people than are noted', async () => {
    const ana = newPerson();
    const ids = Array.from({ length: 5_001 }, (_, n) => `1555${1_000_000 + n}@s.whatsapp.net`);
    const latest = () =>
      query(
        `select e.state, e.error, r.body, r.error as why, (
           select count(*)::int from webhook_subjects s where s.request_id = r.id) as subjects
         from webhook_events e join webhook_requests r on r.id = e.request_id
         where e.type = 'contacts.upsert' and e.account_id = ? order by e.id desc limit 1`,
        [one.id],
      );
    const upsert = (list: string[]) =>
      deliver(
        one.session,
        'contacts.upsert',
        list.map((id) => ({ id })),
      );
    await upsert([...ids, ana.jid]);
    const why = expect.stringContaining('more than 5,000');
    const [event] = await eventually('the event to be settled', async () => {
      const found = await latest();
      return found[0]?.state === 'processed' ? found : null;
    });
    expect(event).toEqual({ state: 'processed', error: why, body: null, why, subjects: 0 });
    await upsert([...ids.slice(2), ana.jid]);
    expect(await latest()).toMatchObject([{ error: null, why: null, subjects: 5_000 }]);
    expect((await erase({ phone: ana.phone })).receipt.webhook_bodies).toBe(1);
    expect(await latest()).toMatchObject([{ body: null, subjects: 0 }]);
  });

  it('keeps no body of a later event, and no subjects', async () => {
    const ana = newPerson();
    await erase({ jid: ana.jid });
    const before = await eventsOf(stack.api, one.id);
    await message(one.session, { remoteJid: ana.lid, senderPn: ana.jid });
    await message(theirs.session, { remoteJid: ana.jid });
    const [event] = (await eventsOf(stack.api, one.id)).filter(({ id }) => !before.some((old) => old.id === id));
    expect(event).toMatchObject({ body: null, state: 'processed', error: expect.stringContaining('erased') });
    expect(
      await query(
        'select digest from webhook_subjects s join webhook_events e on e.request_id = s.request_id where e.id = ?',
        [event.id],
      ),
    ).toEqual([]);
    expect((await eventsOf(other, theirs.id)).some(({ body }) => body?.includes(ana.jid))).toBe(true);
    expect(await tracesIn(await tenantOf(one.id), ana.jid)).toEqual([]);
  });

  it('reaches events whose account was unknown when they came, before and after they are claimed', async () => {
    const { db, vault, clock } = stack.worker.context;
    const credentials = await db.system((em) =>
      em.findOneOrFail(ProviderCredentials, { provider: 'unipile', tenantId: null }),
    );
    const [secret = ''] = webhookSecretsOf(await vault.keysOf(db, null), credentials);
    const send = (account: string, who: Person): Promise<Response> =>
      fetch(`${stack.api.url}/webhooks/unipile/${credentials.webhookToken}`, {
        method: 'POST',
        headers: { 'patchbay-webhook-secret': secret },
        body: JSON.stringify({
          event: 'message_received',
          account_id: account,
          message_id: `of-${who.phone}`,
          sender: { attendee_provider_id: who.jid },
        }),
      });
    const [before, after] = [newPerson(), newPerson()];
    const upstream = `unknown-${before.phone.slice(1)}`;
    for (const who of [before, after]) expect((await send(upstream, who)).status).toBe(200);
    const stored = () =>
      query(
        `select e.state, r.body is null as dropped from webhook_events e join webhook_requests r on r.id = e.request_id
         where e.provider_account_id = ? order by e.id`,
        [upstream],
      );
    expect(await stored()).toEqual([
      { state: 'unmatched', dropped: false },
      { state: 'unmatched', dropped: false },
    ]);
    await erase({ phone: before.phone });
    // An event without a tenant belongs to no tenant's erasure.
    expect((await stored())[0]).toMatchObject({ dropped: false });
    const account = await db.system((em) => em.findOneOrFail(Account, { id: one.id }));
    const claimed = Object.assign(account, { credentialsId: credentials.id, providerAccountId: upstream });
    await db.system((em) => claimEvents(stack.worker.context, em, claimed, clock.now()));
    expect(await stored()).toEqual([
      { state: 'processed', dropped: true },
      { state: 'processed', dropped: false },
    ]);
    expect((await erase({ phone: after.phone })).receipt.webhook_bodies).toBe(1);
    expect((await stored())[1]).toMatchObject({ dropped: true });
  });

  it('refuses a request that names no person, several, or an account of the tenant', async () => {
    const refused = async (body: object): Promise<string> => (await stack.api.post('/api/v1/erasures', body)).body.code;
    expect(await refused({})).toBe('invalid_request');
    expect(await refused({ phone: '+33639980001', jid: '33639980001@s.whatsapp.net' })).toBe('invalid_request');
    expect(await refused({ phone: 'nobody' })).toBe('invalid_request');
    expect(await refused({ lid: '33639980001@s.whatsapp.net' })).toBe('invalid_request');
    const { body: account } = await stack.api.get(`/api/v1/accounts/${one.id}`);
    expect(await refused({ phone: account.identity })).toBe('account_of_yours');
    expect((await other.post('/api/v1/erasures?wait=20', { phone: account.identity })).body.state).toBe('done');
  });
});
