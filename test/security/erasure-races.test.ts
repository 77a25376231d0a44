import { eraseContacts } from '../../services/erasures/erase-contacts.ts';
import { eraseRecords } from '../../services/erasures/erase-records.ts';
import { rememberErased } from '../../services/erasures/remember-erased.ts';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { runSql } from '../support/run-sql.ts';
import { Account } from '../../db/entities/accounts.ts';
import { erasedAmong } from '../../db/queries/erasures/ledger.ts';
import { storeRequests } from '../../services/webhooks/store-requests.ts';
import { filterErased } from '../../db/queries/erasures/filter-erased.ts';
import { connectionTo } from '../../services/connections/login/attempt-tx.ts';
import { resolveLids } from '../../services/contacts/complete-contacts.ts';
import { erasureWorkflowId } from '../../domain/workflow-ids.ts';
import { subjectOf } from '../../domain/erasure.ts';
import { newId } from '../../platform/ids.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import { type TestStack } from '../support/stack.ts';
import { wasenderAccount } from '../support/wasender-account.ts';
import { createErasing, entry, newPerson, startErasureFixture, type ErasureFixture } from './erasing.ts';

let stack: TestStack;
let one: ErasureFixture['one'];
let two: ErasureFixture['two'];
beforeAll(async () => {
  ({ stack, one, two } = await startErasureFixture());
});
afterAll(() => stack?.stop());
const { query, tenantOf, erase, save, message, tracesIn } = createErasing(() => stack);

describe('SECURITY 21: concurrent erasures', () => {
  it('count nothing twice when steps are repeated, and continue after a kill', async () => {
    const ana = newPerson();
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, name: ana.name }));
    await save(two.id, entry({ id: ana.jid, phone: ana.phone, name: ana.name }));
    await message(one.session, { remoteJid: ana.jid });
    await stack.worker.stop();
    const { body } = await stack.api.post('/api/v1/erasures', { phone: ana.phone });
    expect(body).toMatchObject({ state: 'running', receipt: null });
    expect((await stack.api.delete(`/api/v1/erasures/${body.id}`)).body.code).toBe('erasure_running');

    stack.worker = await stack.startWorker(['workflows']);
    const { context } = stack.worker;
    const ref = { tenantId: await tenantOf(one.id), erasureId: body.id, now: Date.now() };
    for (const step of [rememberErased, rememberErased, eraseContacts, eraseContacts]) await step(context, ref);
    // Its workflow is lost with all its progress.
    const client = await temporalClient();
    await client.workflow.getHandle(erasureWorkflowId(body.id)).terminate('lost');
    await client.connection.close();
    await stack.worker.stop();
    stack.worker = await stack.startWorker();
    await stack.control.post('/clock', { advance_seconds: 60 });
    const done = await eventually('the erasure', async () => {
      const answer = await stack.api.get(`/api/v1/erasures/${body.id}`);
      return answer.body.state === 'done' ? answer.body : null;
    });
    expect(done.receipt).toMatchObject({ contacts: 2, aliases: 2, raw_records: 2, webhook_bodies: 1 });
    // A late repeat, as by a worker that was taken for dead, changes nothing.
    for (const step of [rememberErased, eraseContacts, eraseRecords]) await step(stack.worker.context, ref);
    expect((await stack.api.get(`/api/v1/erasures/${body.id}`)).body).toEqual(done);
  });

  it('wait for transactions that were writing about the person', async () => {
    const ana = newPerson();
    const { db, vault } = stack.worker.context;
    const tenantId = await tenantOf(one.id);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let looked = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      looked = resolve;
    });
    // As a page of a sync: it read the ledger under the lock, and writes later.
    const page = db.tenant(tenantId, async (em) => {
      await runSql(em, 'select pg_advisory_xact_lock(hashtextextended(?, 0))::text', [`contacts/${one.id}`]);
      expect((await erasedAmong(em, vault, tenantId, [subjectOf(ana.jid)!])).size).toBe(0);
      looked();
      await released;
      const of = { tenantId, accountId: one.id, at: new Date(), vault, keep: null };
      await saveContacts(em, of, [entry({ id: ana.jid, phone: ana.phone, name: ana.name })]);
    });
    await asked;
    const { body } = await stack.api.post('/api/v1/erasures', { phone: ana.phone });
    await eventually('the erasure to wait', async () => {
      const waiting = await query(`select from pg_locks where locktype = 'advisory' and not granted`);
      return waiting.length > 0;
    });
    release();
    await page;
    await eventually('the erasure', async () => {
      const answer = await stack.api.get(`/api/v1/erasures/${body.id}`);
      return answer.body.state === 'done' && answer.body.receipt.contacts === 1;
    });
    expect(await tracesIn(tenantId, ana.jid, ana.name)).toEqual([]);
  });

  it('wait for events that were being stored', async () => {
    const ana = newPerson();
    const { context } = stack.worker;
    const { db, clock } = context;
    const account = await db.system((em) => em.findOneOrFail(Account, { id: one.id }));
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let looked = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      looked = resolve;
    });
    const id = newId();
    const { tenantId, providerAccountId } = account;
    const sender = {
      credentialsId: account.credentialsId ?? '',
      tenantId: null,
      provider: 'wasender',
      proof: null,
      providerAccountId,
    };
    const event = { kind: 'other', type: 'some_event', providerAccountId, dedupeKey: id } as const;
    const intake = db.system(async (em) => {
      const incoming = {
        id,
        sender,
        bodyDigest: id,
        headers: {},
        receivedAt: clock.now(),
        read: { body: ana.jid, events: [{ ...event, subjects: [subjectOf(ana.jid)!] }], mentions: [] },
        isNew: true,
      };
      expect(await storeRequests(context, em, [incoming], 'apply')).toMatchObject([[{ state: 'processed' }]]);
      looked();
      await released;
    });
    await asked;
    const { body } = await stack.api.post('/api/v1/erasures', { phone: ana.phone });
    const client = await temporalClient();
    await eventually('the erasure to have come to the events', async () => {
      const { raw } = await client.workflow.getHandle(erasureWorkflowId(body.id)).describe();
      return raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'eraseRecords');
    });
    await client.connection.close();
    release();
    await intake;
    await eventually('the erasure', async () => {
      const answer = await stack.api.get(`/api/v1/erasures/${body.id}`);
      return answer.body.state === 'done' && answer.body.receipt.webhook_bodies === 1;
    });
    expect(await tracesIn(tenantId, ana.jid)).toEqual([]);
  });

  it('run again when a sync finds a new name of the person', async () => {
    const ana = newPerson();
    // Known by a LID alone, without a known number.
    await save(two.id, entry({ id: ana.lid, pushName: ana.name }));
    const { id, receipt } = await erase({ phone: ana.phone });
    expect(receipt.contacts).toBe(0);
    const { db, vault, clock } = stack.worker.context;
    const tenantId = await tenantOf(two.id);
    const found = entry({ id: ana.jid, phone: ana.phone, lid: ana.lid, name: ana.name });
    const left = await db.tenant(tenantId, (em) => filterErased(em, vault, tenantId, [found], clock.now()));
    expect(left).toEqual({ entries: [], erased: 1 });
    await stack.control.post('/clock', { advance_seconds: 60 });
    await eventually('the rest to go', async () => {
      const { body } = await stack.api.get(`/api/v1/erasures/${id}`);
      return body.state === 'done' && body.receipt.contacts === 1;
    });
    expect(await tracesIn(tenantId, ana.lid, ana.name)).toEqual([]);
    await stack.api.delete(`/api/v1/erasures/${id}`);
    expect(await db.tenant(tenantId, (em) => filterErased(em, vault, tenantId, [found], clock.now()))).toMatchObject({
      erased: 0,
    });
  });

  it("include contacts that turn out to be the person when a LID's number is found", async () => {
    const { id, session } = await wasenderAccount(stack, stack.api, {
      size: 6,
      seed: 'lids',
      lid_only: 0.5,
      nameless: 0,
    });
    const hidden = await query<{ id: string; lid: string }>(
      `select id, wasender_jid as lid from contacts where account_id = ? and wasender_jid like '%@lid'`,
      [id],
    );
    expect(hidden.length).toBeGreaterThan(0);
    const { lid } = hidden[0]!;
    const { webhook_url: _, ...of } = (
      (await (
        await fetch(`${stack.config.providers['wasender']?.['base_url']}/whatsapp-sessions/${session}`, {
          headers: { authorization: 'Bearer 1|sandbox-pat' },
        })
      ).json()) as any
    ).data;
    const answer: any = await (
      await fetch(`${stack.config.providers['wasender']?.['base_url']}/pn-from-lid/${lid}`, {
        headers: { authorization: `Bearer ${of.api_key}` },
      })
    ).json();
    const phone = `+${String(answer.data.pn).split('@')[0]}`;
    // The state before the number was requested; the test requests it.
    const [contact] = hidden;
    await query('update contacts set phone_number = null, lid_asked_at = now() where id = ?', [contact?.id]);
    await query("delete from contact_aliases where contact_id = ? and kind = 'jid'", [contact?.id]);
    const { id: erasure, receipt } = await erase({ phone });
    expect(receipt.contacts).toBe(0);
    await query('update contacts set lid_asked_at = null where id = ?', [contact?.id]);
    const { db, providers } = stack.worker.context;
    const tenantId = await tenantOf(id);
    const call = await db.tenant(tenantId, async (em) => {
      const account = await em.findOneOrFail(Account, { id });
      return connectionTo(stack.worker.context, em, account, new Date(), account.providerAccountId);
    });
    await resolveLids(stack.worker.context, {
      tenantId,
      accountId: id,
      reader: providers.wasender!.contacts!,
      call: () => call.call,
      now: () => stack.worker.context.clock.now(),
      isOver: () => false,
      signal: AbortSignal.timeout(60_000),
    });
    await stack.control.post('/clock', { advance_seconds: 60 });
    await eventually('the contact to go', async () => {
      const { body } = await stack.api.get(`/api/v1/erasures/${erasure}`);
      return body.state === 'done' && (await tracesIn(tenantId, lid, phone)).length === 0;
    });
  });
});
