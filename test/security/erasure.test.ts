import { MockActivityEnvironment } from '@temporalio/testing';
import { claimEvents } from '../../services/webhooks/claim-events.ts';
import { eraseLargeBodies } from '../../services/erasures/erase-large-bodies.ts';
import { rows } from '../../db/connect.ts';
import { migrate, openAsOwner } from '../../db/migrate.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { subjectOf } from '../../domain/erasure.ts';
import { newId } from '../../platform/ids.ts';
import { mergeContacts } from '../../db/queries/contacts/merge-contacts.ts';
import { openContactsRun } from '../../db/queries/syncs/open-contacts-run.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { type TestStack } from '../support/stack.ts';
import { wasenderAccount } from '../support/wasender-account.ts';
import { book, createErasing, entry, newPerson, startWorld, type Person, type World } from './erasing.ts';

let stack: TestStack;
let other: ApiClient;
let one: World['one'];
let two: World['two'];
let theirs: World['theirs'];
beforeAll(async () => {
  ({ stack, other, one, two, theirs } = await startWorld());
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
    const fresh = await wasenderAccount(stack, stack.api, book);
    for (const account of [one, two, fresh]) expect(await byPhone(stack.api, account.id, phone)).toBeNull();
    expect(await sync(other, theirs.id)).toMatchObject({ erased: 0 });

    expect((await stack.api.delete(`/api/v1/erasures/${id}`)).body).toMatchObject({ state: 'lifted', receipt: {} });
    expect(await sync(stack.api, one.id)).toMatchObject({ erased: 1, inserted: 1 });
    expect(await byPhone(stack.api, one.id, phone)).toMatchObject({ phone_number: phone });
  });

  it('reaches who was merged, and who another account knows by a LID alone; its receipt counts each once', async () => {
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
    });
    expect(await tracesIn(tenantId, ana.jid, ana.lid, ana.name, second.jid)).toEqual([]);
    expect(await byPhone(stack.api, one.id, bystander.phone)).not.toBeNull();
    expect(await byPhone(other, theirs.id, ana.phone)).not.toBeNull();
  });

  it('reaches sealed bodies of events by whatever name they use, runs of syncs, and kept answers', async () => {
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
    expect(await tracesIn(tenantId, ana.jid, ana.lid, ana.phone, ana.name)).toEqual([]);
  });

  it('leaves the number of somebody erased in no run of a sync that was about them alone, however it ended', async () => {
    const [{ phone_number: phone, wasender_jid: jid }] = await contactsOf(stack.api, one.id);
    const nobody = newPerson();
    for (const erased of [phone, nobody.phone]) await erase({ phone: erased });
    const syncOf = async (about: string): Promise<any> => {
      const wish = { kind: 'contacts', scope: { phone: about } };
      return (await stack.api.post(`/api/v1/accounts/${one.id}/syncs?wait=20`, wish)).body;
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

  it('reaches a body that speaks of more people than are noted, before and after', async () => {
    const [ana, ben, stranger] = [newPerson(), newPerson(), newPerson()];
    const others = Array.from({ length: 6_000 }, (_, n) => ({ id: `1555${1_000_000 + n}@s.whatsapp.net` }));
    const upserts = () =>
      query<{ id: string; gone: boolean; noted: number }>(
        `select id, body is null as gone, (select count(*)::int from webhook_subjects where event_id = e.id) as noted
         from webhook_events e where type = 'contacts.upsert' and account_id = ? order by id`,
        [one.id],
      );
    await deliver(one.session, 'contacts.upsert', [...others, { id: ana.jid }]);
    await deliver(one.session, 'contacts.upsert', [...others, { id: ben.lid }]);
    expect(await upserts()).toMatchObject([
      { gone: false, noted: 1 },
      { gone: false, noted: 1 },
    ]);
    expect((await erase({ phone: stranger.phone })).receipt.webhook_bodies).toBe(0);
    expect((await erase({ phone: ana.phone })).receipt.webhook_bodies).toBe(1);
    expect(await upserts()).toMatchObject([
      { gone: true, noted: 0 },
      { gone: false, noted: 1 },
    ]);
    // Also where an event could not be applied, and is nobody's.
    const { id } = (await upserts())[1]!;
    await query('update webhook_events set tenant_id = null where id = ?', [id]);
    await query('update webhook_subjects set tenant_id = null where event_id = ?', [id]);
    expect((await erase({ lid: ben.lid })).receipt.webhook_bodies).toBe(1);
    expect((await upserts())[1]).toMatchObject({ gone: true, noted: 0 });
    await deliver(one.session, 'contacts.upsert', [{ id: '15559@s.whatsapp.net' }, ...others, { id: ana.jid }]);
    expect((await upserts())[2]).toMatchObject({ gone: true, noted: 0 });
  });

  it('reaches bodies that were stored before more people than are noted had a mark', async () => {
    const ana = newPerson();
    const ids = [...Array.from({ length: 5_001 }, (_, n) => `1666${1_000_000 + n}@s.whatsapp.net`), ana.jid];
    await deliver(
      two.session,
      'contacts.upsert',
      ids.map((id) => ({ id })),
    );
    const [{ id }] = await query(
      "select id from webhook_events where type = 'contacts.upsert' and account_id = ? order by id desc limit 1",
      [two.id],
    );
    // As it was then: digests of the first 5,000 people, and nothing of Ana.
    await query(
      `with gone as (delete from webhook_subjects where event_id = ? returning *)
       insert into webhook_subjects (event_id, tenant_id, digest)
       select event_id, tenant_id, 'digest' || n from gone, generate_series(1, 5000) n`,
      [id],
    );
    await query("delete from webhook_subjects where event_id = ? and digest = 'many'", [id]);
    const owner = await openAsOwner(stack.database.ownerUrl);
    await rows(owner.em.fork(), "delete from schema_migrations where name = '0012-many-people'");
    await owner.close(true);
    expect(await migrate(stack.database.ownerUrl)).toEqual(['0012-many-people']);
    const marks = await query("select tenant_id from webhook_subjects where event_id = ? and digest = 'many'", [id]);
    expect(marks).toEqual([{ tenant_id: await tenantOf(two.id) }]);
    expect((await erase({ phone: ana.phone })).receipt.webhook_bodies).toBe(1);
  });

  it('opens large bodies once: a try goes on where the one before was, unless a name was learned between', async () => {
    const ana = newPerson();
    const { db, vault } = stack.worker.context;
    const tenantId = await tenantOf(two.id);
    const ids = [...Array.from({ length: 5_001 }, (_, n) => `1777${1_000_000 + n}@s.whatsapp.net`), ana.jid];
    for (const name of ['a', 'b'])
      await deliver(
        two.session,
        'contacts.upsert',
        ids.map((id) => ({ id, name })),
      );
    const large = (): Promise<{ id: string; gone: boolean }[]> =>
      query(
        `select id, body is null as gone from (select * from webhook_events where type = 'contacts.upsert'
           and account_id = ? order by id desc limit 2) e order by id`,
        [two.id],
      );
    const [first, second] = await large();
    const digests = await db.tenant(tenantId, async (em) => {
      const ledger = await openLedger(em, vault);
      return new Set([ledger.digest(tenantId, subjectOf(ana.jid)!)]);
    });
    const tryOf = async (heartbeatDetails: unknown): Promise<unknown[]> => {
      const environment = new MockActivityEnvironment({ heartbeatDetails });
      const notes: unknown[] = [];
      environment.on('heartbeat', (details: unknown) => notes.push(details));
      const ref = { tenantId, erasureId: newId(), now: Date.now() };
      await environment.run(() => eraseLargeBodies(stack.worker.context, ref, digests));
      return notes;
    };
    expect(await tryOf({ opened: first!.id, digests: 1 })).toEqual([{ opened: second!.id, digests: 1 }]);
    expect(await large()).toMatchObject([{ gone: false }, { gone: true }]);
    expect((await tryOf({ opened: second!.id, digests: 2 })).at(-1)).toEqual({ opened: first!.id, digests: 1 });
    expect(await large()).toMatchObject([{ gone: true }, { gone: true }]);
  });

  it('keeps no body of an event that comes later, and nothing of who it speaks of', async () => {
    const ana = newPerson();
    await erase({ jid: ana.jid });
    const before = await eventsOf(stack.api, one.id);
    await message(one.session, { remoteJid: ana.lid, senderPn: ana.jid });
    await message(theirs.session, { remoteJid: ana.jid });
    const [event] = (await eventsOf(stack.api, one.id)).filter(({ id }) => !before.some((old) => old.id === id));
    expect(event).toMatchObject({ body: null, state: 'processed', error: expect.stringContaining('erased') });
    expect(await query('select digest from webhook_subjects where event_id = ?', [event.id])).toEqual([]);
    expect((await eventsOf(other, theirs.id)).some(({ body }) => body?.includes(ana.jid))).toBe(true);
    expect(await tracesIn(await tenantOf(one.id), ana.jid)).toEqual([]);
  });

  it('reaches events whose account was not known when they came, before and after they are claimed', async () => {
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
      query(`select state, body is null as gone from webhook_events where provider_account_id = ? order by id`, [
        upstream,
      ]);
    expect(await stored()).toEqual([
      { state: 'unmatched', gone: false },
      { state: 'unmatched', gone: false },
    ]);
    await erase({ phone: before.phone });
    // Nobody's events are no tenant's to erase.
    expect((await stored())[0]).toMatchObject({ gone: false });
    const account = await db.system((em) => em.findOneOrFail(Account, { id: one.id }));
    const claimed = Object.assign(account, { credentialsId: credentials.id, providerAccountId: upstream });
    await db.system((em) => claimEvents(em, vault, claimed, clock.now()));
    expect(await stored()).toEqual([
      { state: 'processed', gone: true },
      { state: 'processed', gone: false },
    ]);
    expect((await erase({ phone: after.phone })).receipt.webhook_bodies).toBe(1);
    expect((await stored())[1]).toMatchObject({ gone: true });
  });

  it('refuses what names nobody, several, or an account of the tenant', async () => {
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
