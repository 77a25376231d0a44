import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { claimEvents } from '../../activities/connection/claim-events.ts';
import { eraseContacts } from '../../activities/privacy/erase-contacts.ts';
import { eraseRecords } from '../../activities/privacy/erase-records.ts';
import { rememberErased } from '../../activities/privacy/remember-erased.ts';
import { mergeContacts } from '../../db/contacts/merge-contacts.ts';
import { openContactsRun } from '../../db/contacts/open-run.ts';
import { saveContacts } from '../../db/contacts/save-contacts.ts';
import { rows } from '../../db/connect.ts';
import { webhookSecretsOf } from '../../db/credentials.ts';
import { Account } from '../../db/entities/accounts.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { ledgerLines, takeInLedger } from '../../db/privacy/ledger-file.ts';
import { erasedAmong } from '../../db/privacy/ledger.ts';
import { reencrypt } from '../../db/reencrypt.ts';
import { sealedColumns } from '../../db/sealed.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import { erasureWorkflowId } from '../../domain/ids.ts';
import { subjectOf } from '../../domain/privacy.ts';
import { createVault, parseKeyRing } from '../../platform/vault.ts';
import { answerOf, noHome, patchbay } from '../cli/run.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { temporalClient } from '../support/history.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { everyPage, wasenderAccount } from '../support/wasender-account.ts';
import { createInstallation } from './installation.ts';
import { columnsOf } from './places.ts';

let stack: TestStack;
let other: ApiClient;
/** Two accounts of the tenant and one of another, with the same people. */
let one: { id: string; session: string };
let two: { id: string; session: string };
let theirs: { id: string; session: string };
const book = { size: 20, seed: 'erased', lid_only: 0, nameless: 0, unsaved: 0 };
beforeAll(async () => {
  stack = await startTestStack();
  other = await stack.client('theirs');
  one = await wasenderAccount(stack, stack.api, book);
  two = await wasenderAccount(stack, stack.api, book);
  theirs = await wasenderAccount(stack, other, book);
});
afterAll(() => stack?.stop());

const query = <T = any>(sql: string, params: unknown[] = []): Promise<T[]> =>
  stack.worker.deps.db.system((em) => rows<T>(em, sql, params));
const contactsOf = (client: ApiClient, account: string): Promise<any[]> =>
  everyPage(client, `/api/v1/contacts?account=${account}`);
const byPhone = async (client: ApiClient, account: string, phone: string): Promise<any> =>
  (await contactsOf(client, account)).find((found) => found.phone_number === phone) ?? null;
const tenantOf = async (account: string): Promise<string> =>
  (await query('select tenant_id from accounts where id = ?', [account]))[0].tenant_id;
const sync = async (client: ApiClient, account: string): Promise<any> => {
  const { body } = await client.post(`/api/v1/accounts/${account}/syncs?wait=20`, { kind: 'contacts' });
  expect(body.state).toBe('succeeded');
  return body.stats;
};
const erase = async (body: object, client = stack.api): Promise<any> => {
  const { status, body: answer } = await client.post('/api/v1/erasures?wait=20', body);
  expect(status).toBe(202);
  expect(answer.state).toBe('done');
  return answer;
};

/** A person nobody else in these tests is. */
let people = 0;
const newPerson = () => {
  people += 1;
  const digits = `3363998${String(70_000 + people)}`;
  return {
    phone: `+${digits}`,
    jid: `${digits}@s.whatsapp.net`,
    lid: `9000000000${70_000 + people}@lid`,
    name: `Ana${people} Kite`,
  };
};
type Person = ReturnType<typeof newPerson>;
const entry = (of: Partial<SeenContact> & { id: string }): SeenContact => ({
  phone: null,
  lid: null,
  name: null,
  pushName: null,
  verifiedName: null,
  company: null,
  isBusiness: false,
  status: null,
  raw: of,
  ...of,
});
/** Writes entries into an account as a sync would. */
const save = async (account: string, ...entries: SeenContact[]): Promise<string[]> => {
  const { db, vault } = stack.worker.deps;
  const of = { tenantId: await tenantOf(account), accountId: account, at: new Date(), vault, keep: null };
  return (await db.tenant(of.tenantId, (em) => saveContacts(em, of, entries))).map(({ contactId }) => contactId);
};

/** An event that WASender would send of a session. */
async function deliver(session: string, event: string, data: unknown): Promise<void> {
  const answer = await fetch(`${stack.config.WASENDER_BASE_URL}/whatsapp-sessions/${session}`, {
    headers: { authorization: 'Bearer 1|sandbox-pat' },
  });
  const { webhook_url: url, webhook_secret: secret } = ((await answer.json()) as any).data;
  const sent = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-webhook-signature': secret },
    body: JSON.stringify({ event, data }),
  });
  expect(sent.status).toBe(200);
}
let messages = 0;
const message = (session: string, key: object): Promise<void> =>
  deliver(session, 'messages.received', {
    messages: { key: { id: `M${(messages += 1)}`, fromMe: false, ...key }, messageBody: `text ${messages}` },
  });
const eventsOf = async (client: ApiClient, account: string): Promise<any[]> => {
  const list = await everyPage(client, `/api/v1/webhook-events?account=${account}&type=messages.received`);
  return Promise.all(list.map(async ({ id }) => (await client.get(`/api/v1/webhook-events/${id}`)).body));
};

/** Where something of a person is still to be found: in the open, or in a sealed value. */
async function tracesIn(tenantId: string, ...texts: string[]): Promise<string[]> {
  const { vault } = stack.worker.deps;
  const found: string[] = [];
  const columns = await query<{ table_name: string; column_name: string }>(
    `select table_name, column_name from information_schema.columns c where table_schema = 'public'
       and table_name not in ('contacts_enriched', 'schema_migrations', 'tenants')
       and exists (select from information_schema.columns t where t.table_schema = 'public'
         and t.table_name = c.table_name and t.column_name = 'tenant_id')`,
  );
  for (const { table_name: table, column_name: column } of columns) {
    const values = await query<{ text: string }>(
      `select ${column}::text as text from ${table} where tenant_id = ? and ${column} is not null`,
      [tenantId],
    );
    if (values.some(({ text }) => texts.some((one) => text.includes(one)))) found.push(`${table}.${column}`);
  }
  for (const { table, column, of, context } of sealedColumns) {
    const values = await query<{ of: string; value: string }>(
      `select ${of} as of, ${column} as value from ${table} where tenant_id = ? and ${column} is not null`,
      [tenantId],
    );
    if (values.some((value) => texts.some((one) => vault.open(value.value, context(value.of)).includes(one))))
      found.push(`sealed ${table}.${column}`);
  }
  return found;
}

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
    const { db } = stack.worker.deps;
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
        'idempotency-key': `about-person-${people}`,
      },
    );
    const { db, vault, clock } = stack.worker.deps;
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
      { 'idempotency-key': `about-person-${people}` },
    );
    expect([repeated.status, repeated.body.code]).toEqual([410, 'answer_erased']);
    expect(await tracesIn(tenantId, ana.jid, ana.lid, ana.phone, ana.name)).toEqual([]);
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
    const { db, vault, clock } = stack.worker.deps;
    const credentials = await db.system((em) =>
      em.findOneOrFail(ProviderCredentials, { provider: 'unipile', tenantId: null }),
    );
    const [secret = ''] = webhookSecretsOf(vault, credentials);
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

  it('counts nothing twice whatever is repeated, and goes on where a process died', async () => {
    const ana = newPerson();
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, name: ana.name }));
    await save(two.id, entry({ id: ana.jid, phone: ana.phone, name: ana.name }));
    await message(one.session, { remoteJid: ana.jid });
    await stack.worker.stop();
    const { body } = await stack.api.post('/api/v1/erasures', { phone: ana.phone });
    expect(body).toMatchObject({ state: 'running', receipt: null });
    expect((await stack.api.delete(`/api/v1/erasures/${body.id}`)).body.code).toBe('erasure_running');

    stack.worker = await stack.startWorker(['workflows']);
    const { deps } = stack.worker;
    const ref = { tenantId: await tenantOf(one.id), erasureId: body.id, now: Date.now() };
    for (const step of [rememberErased, rememberErased, eraseContacts, eraseContacts]) await step(deps)(ref);
    // Its workflow is lost with all it has done.
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
    // Once more after its end, as a worker that was taken for dead would: nothing happens.
    for (const step of [rememberErased, eraseContacts, eraseRecords]) await step(stack.worker.deps)(ref);
    expect((await stack.api.get(`/api/v1/erasures/${body.id}`)).body).toEqual(done);
  });

  it('waits for whoever was storing something about the person when it began', async () => {
    const ana = newPerson();
    const { db, vault } = stack.worker.deps;
    const tenantId = await tenantOf(one.id);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let looked = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      looked = resolve;
    });
    // As a page of a sync: it looked into the ledger under the lock, and writes only later.
    const page = db.tenant(tenantId, async (em) => {
      await rows(em, 'select pg_advisory_xact_lock(hashtextextended(?, 0))::text', [`contacts/${one.id}`]);
      expect((await erasedAmong(em, vault, tenantId, [subjectOf(ana.jid)!])).size).toBe(0);
      looked();
      await held;
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

describe('SECURITY 21: the ledger', () => {
  it('names nobody', async () => {
    const ana = newPerson();
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, lid: ana.lid, name: ana.name }));
    await erase({ phone: ana.phone });
    const lines: string[] = [];
    for await (const line of ledgerLines(stack.worker.deps.db)) lines.push(line);
    expect(lines.length).toBeGreaterThan(2);
    const columns = await columnsOf(stack.database.readerUrl);
    for (const { name, bytes } of [...columns, { name: 'export', bytes: Buffer.from(lines.join('\n')) }])
      for (const text of [ana.phone.slice(1), ana.lid.split('@')[0]!, ana.name])
        expect([name, bytes.includes(text)]).toEqual([name, false]);
  });

  it('gives one person in two tenants nothing in common', async () => {
    const ana = newPerson();
    await erase({ phone: ana.phone });
    await erase({ phone: ana.phone }, other);
    const found = await query('select digest, count(*)::int as n from erased_subjects group by 1 having count(*) > 1');
    expect(found).toEqual([]);
  });

  it('is taken over by a later erasure of the same person, so that lifting that one lifts all of it', async () => {
    const ana = newPerson();
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, lid: ana.lid }));
    const first = await erase({ phone: ana.phone });
    const second = await erase({ phone: ana.phone });
    expect(second.receipt).toMatchObject({ contacts: 0, aliases: 0 });
    const { db, vault } = stack.worker.deps;
    const tenantId = await tenantOf(one.id);
    const names = [subjectOf(ana.jid)!, subjectOf(ana.lid)!];
    const erased = () => db.tenant(tenantId, (em) => erasedAmong(em, vault, tenantId, names));
    await stack.api.delete(`/api/v1/erasures/${first.id}`);
    expect((await erased()).size).toBe(2);
    await stack.api.delete(`/api/v1/erasures/${second.id}`);
    expect((await erased()).size).toBe(0);
  });

  it('kept apart from a dump, erases again what a restored dump brought back', async () => {
    const ana = newPerson();
    const bystander = newPerson();
    const dumped = async (): Promise<void> => {
      await save(one.id, entry({ id: ana.jid, phone: ana.phone, lid: ana.lid, name: ana.name }));
      await save(two.id, entry({ id: ana.lid, pushName: ana.name }));
      await save(two.id, entry({ id: bystander.jid, phone: bystander.phone }));
    };
    await dumped();
    await message(one.session, { remoteJid: ana.lid });
    const [event] = await query('select id, body from webhook_events where account_id = ? order by id desc limit 1', [
      one.id,
    ]);
    const subjects = await query('select * from webhook_subjects where event_id = ?', [event.id]);
    expect(subjects).toHaveLength(1);
    const erasure = await erase({ phone: ana.phone });
    const env = {
      ...noHome,
      DATABASE_URL: stack.config.DATABASE_URL,
      ENCRYPTION_KEY: stack.config.ENCRYPTION_KEY,
    };
    const { code, stdout } = await patchbay(env, 'erasures', 'export');
    expect(code).toBe(0);
    const file = join(tmpdir(), `ledger-${erasure.id}.jsonl`);
    await writeFile(file, stdout);
    // The dump was taken before the erasure: it knows the person, and nothing of the erasure.
    await query('delete from erasures where id = ?', [erasure.id]);
    await dumped();
    await query('update webhook_events set body = ? where id = ?', [event.body, event.id]);
    for (const { digest, tenant_id } of subjects)
      await query('insert into webhook_subjects (event_id, digest, tenant_id) values (?, ?, ?)', [
        event.id,
        digest,
        tenant_id,
      ]);
    try {
      expect(await answerOf(env, 'erasures', 'import', file)).toMatchObject({ erased: 1, foreign: 0 });
      const { body } = await stack.api.get(`/api/v1/erasures/${erasure.id}`);
      expect(body).toMatchObject({ state: 'done', receipt: { contacts: 2, aliases: 3, webhook_bodies: 1 } });
      expect(await tracesIn(await tenantOf(one.id), ana.jid, ana.lid, ana.name)).toEqual([]);
      expect(await byPhone(stack.api, two.id, bystander.phone)).not.toBeNull();
      // Once more is nothing.
      expect(await answerOf(env, 'erasures', 'import', file)).toMatchObject({ erased: 0 });
    } finally {
      await rm(file);
    }
  });

  it('of another installation, or no ledger at all, is one clear line', async () => {
    const { db, vault, clock } = stack.worker.deps;
    const take = (text: string) => takeInLedger(db, vault, text, clock.now());
    await expect(take('nonsense')).rejects.toThrow(/^Line 1 /);
    const [header = '', ...lines] = await (async () => {
      const all: string[] = [];
      for await (const line of ledgerLines(db)) all.push(line);
      return all;
    })();
    await expect(take(`${header}\n${lines[0]}\n{"digest":"x"}`)).rejects.toThrow(/^Line 3 /);
    const { id } = JSON.parse(header).key;
    const value = vault.seal(Buffer.alloc(32, 1).toString('base64'), `ledger_keys.value:${id}`);
    await expect(take(JSON.stringify({ patchbay_ledger: 1, key: { id, value } }))).rejects.toThrow(
      /another installation/,
    );
  });
});

describe('SECURITY 21: a new encryption key', () => {
  it('leaves the digests as they are: what was stored under the old key is reached, and who was erased stays so', async () => {
    const newKey = (): string => randomBytes(32).toString('base64');
    const [oldKey, freshKey] = [newKey(), newKey()];
    const installation = await createInstallation();
    try {
      await installation.start(oldKey);
      const client = await installation.clientOf('ours');
      const login = { provider: 'unipile', channel: 'linkedin', owner: 'maya' };
      const credentials = { username: 'plain@erasure.example', password: 'correct horse' };
      const { body } = await client.post('/api/v1/accounts', { ...login, credentials });
      const account = await client.account(body.account.id, 'active');
      let sent = 0;
      const send = async (who: string): Promise<any> => {
        const { db } = installation;
        const row = await db.system((em) =>
          em.findOneOrFail(ProviderCredentials, { provider: 'unipile', tenantId: null }),
        );
        const vault = createVault(parseKeyRing(freshKey, oldKey));
        const answer = await fetch(`${installation.url()}/webhooks/unipile/${row.webhookToken}`, {
          method: 'POST',
          headers: { 'patchbay-webhook-secret': webhookSecretsOf(vault, row)[0] ?? '' },
          body: JSON.stringify({
            event: 'message_received',
            account_id: account.provider_account_id,
            message_id: `m${(sent += 1)}`,
            sender: { attendee_provider_id: who },
          }),
        });
        expect(answer.status).toBe(200);
        const { items } = (await client.get('/api/v1/webhook-events?type=message_received')).body;
        return (await client.get(`/api/v1/webhook-events/${items[0].id}`)).body;
      };
      const [ana, bo] = ['ACoAABana', 'ACoAABbo'];
      await client.post('/api/v1/erasures?wait=20', { identity: ana });
      expect((await send(ana)).body).toBeNull();
      const kept = await send(bo);
      expect(kept.body).toContain(bo);

      await installation.stop();
      await installation.start(freshKey, oldKey);
      await reencrypt(installation.db, createVault(parseKeyRing(freshKey, oldKey)));
      await installation.stop();
      await installation.start(freshKey);
      expect((await send(ana)).body).toBeNull();
      const { body: erasure } = await client.post('/api/v1/erasures?wait=20', { identity: bo });
      expect(erasure).toMatchObject({ state: 'done', receipt: { webhook_bodies: 1 } });
      expect((await client.get(`/api/v1/webhook-events/${kept.id}`)).body.body).toBeNull();
    } finally {
      await installation.end();
    }
  });
});
