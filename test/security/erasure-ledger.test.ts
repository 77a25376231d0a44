import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { saveContacts } from '../../db/queries/contacts/save-contacts.ts';
import { openDatabase } from '../../db/connect.ts';
import { runSql } from '../support/run-sql.ts';
import { startApi } from '../../api/start.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { erasuresToRepeat, keepLedger, takeInKeptLedger } from '../../services/erasures/ledger-file-sync.ts';
import { ledgerLines, takeInLedger } from '../../services/erasures/ledger-file.ts';
import { setTarget } from '../../db/queries/erasures/erasures.ts';
import { addToLedger, erasedAmong } from '../../db/queries/erasures/ledger.ts';
import { openLedger } from '../../db/queries/erasures/ledger-key.ts';
import { filterErased } from '../../db/queries/erasures/filter-erased.ts';
import { createVault } from '../../db/vault.ts';
import { rotateMasterKey } from '../../db/wrapped-keys.ts';
import { subjectOf } from '../../domain/erasure.ts';
import { createMasterKeys, parseKeyRing } from '../../platform/master-keys.ts';
import { answerHere, patchbayHere } from '../cli/in-process.ts';
import { answerOf, noHome, patchbay } from '../cli/run.ts';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { wasenderAccount } from '../support/wasender-account.ts';
import { createInstallation } from './installation.ts';
import { columnsOf } from './places.ts';
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
beforeAll(async () => {
  ({ stack, other, one, two } = await startErasureFixture());
});
afterAll(() => stack?.stop());
const { query, contactsOf, byPhone, tenantOf, erase, save, message, tracesIn } = createErasing(() => stack);

/** Exports and imports the ledger as operators do. */
const cli = () => ({
  ...noHome,
  DATABASE_URL: stack.config.DATABASE_URL,
  ENCRYPTION_KEY: stack.config.ENCRYPTION_KEY,
});
async function exported(command = patchbayHere): Promise<string> {
  const { code, stdout } = await command(cli(), 'erasures', 'export');
  expect(code).toBe(0);
  return stdout;
}
async function imported(ledger: string, command = answerHere): Promise<any> {
  const file = join(tmpdir(), `ledger-${randomBytes(6).toString('hex')}.jsonl`);
  await writeFile(file, ledger);
  try {
    return await command(cli(), 'erasures', 'import', file);
  } finally {
    await rm(file);
  }
}

/** How many names of a person the tenant's ledger holds. */
async function erasedOf({ jid, lid }: Person): Promise<number> {
  const { db, vault } = stack.worker.context;
  const tenantId = await tenantOf(one.id);
  const found = await db.tenant(tenantId, (em) => erasedAmong(em, vault, tenantId, [subjectOf(jid)!, subjectOf(lid)!]));
  return found.size;
}

describe('SECURITY 21: the ledger', () => {
  it('holds no names', async () => {
    const ana = newPerson();
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, lid: ana.lid, name: ana.name }));
    await erase({ phone: ana.phone });
    const lines: string[] = [];
    for await (const line of ledgerLines(stack.worker.context.db)) lines.push(line);
    expect(lines.length).toBeGreaterThan(2);
    const columns = await columnsOf(stack.database.readerUrl);
    for (const { name, bytes } of [...columns, { name: 'export', bytes: Buffer.from(lines.join('\n')) }])
      for (const text of [ana.phone.slice(1), ana.lid.split('@')[0]!, ana.name])
        expect([name, bytes.includes(text)]).toEqual([name, false]);
  });

  it('gives one person in two tenants different digests', async () => {
    const ana = newPerson();
    await erase({ phone: ana.phone });
    await erase({ phone: ana.phone }, other);
    const found = await query('select digest, count(*)::int as n from erased_subjects group by 1 having count(*) > 1');
    expect(found).toEqual([]);
  });

  it('is taken over by a later erasure of the same person: lifting that one lifts all of it', async () => {
    const ana = newPerson();
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, lid: ana.lid }));
    const first = await erase({ phone: ana.phone });
    const second = await erase({ phone: ana.phone });
    expect(second.receipt).toMatchObject({ contacts: 0, aliases: 0 });
    const { db, vault } = stack.worker.context;
    const tenantId = await tenantOf(one.id);
    const names = [subjectOf(ana.jid)!, subjectOf(ana.lid)!];
    const erased = () => db.tenant(tenantId, (em) => erasedAmong(em, vault, tenantId, names));
    await stack.api.delete(`/api/v1/erasures/${first.id}`);
    expect((await erased()).size).toBe(2);
    await stack.api.delete(`/api/v1/erasures/${second.id}`);
    expect((await erased()).size).toBe(0);
  });

  it('erases data of a restored dump again, when kept apart from the dump', async () => {
    const ana = newPerson();
    const bystander = newPerson();
    const dumped = async (): Promise<void> => {
      await save(one.id, entry({ id: ana.jid, phone: ana.phone, lid: ana.lid, name: ana.name }));
      await save(two.id, entry({ id: ana.lid, pushName: ana.name }));
      await save(two.id, entry({ id: bystander.jid, phone: bystander.phone }));
    };
    await dumped();
    await message(one.session, { remoteJid: ana.lid });
    const [request] = await query(
      `select r.id, r.body from webhook_requests r join webhook_events e on e.request_id = r.id
       where e.account_id = ? order by e.id desc limit 1`,
      [one.id],
    );
    const subjects = await query('select * from webhook_subjects where request_id = ?', [request.id]);
    expect(subjects).toHaveLength(1);
    const erasure = await erase({ phone: ana.phone });
    const file = await exported(patchbay);
    // The dump is older than the erasure: it has the person, and not the erasure.
    await query('delete from erasures where id = ?', [erasure.id]);
    await dumped();
    await query('update webhook_requests set body = ? where id = ?', [request.body, request.id]);
    for (const { digest, tenant_id, received_at } of subjects)
      await query('insert into webhook_subjects (request_id, digest, tenant_id, received_at) values (?, ?, ?, ?)', [
        request.id,
        digest,
        tenant_id,
        received_at,
      ]);
    expect(await imported(file, answerOf)).toMatchObject({ erased: 1, foreign: 0 });
    const { body } = await stack.api.get(`/api/v1/erasures/${erasure.id}`);
    expect(body).toMatchObject({ state: 'done', receipt: { contacts: 2, aliases: 3, webhook_bodies: 1 } });
    expect(await tracesIn(await tenantOf(one.id), ana.jid, ana.lid, ana.name)).toEqual([]);
    expect(await byPhone(stack.api, two.id, bystander.phone)).not.toBeNull();
    // A repeat changes nothing.
    expect(await imported(file)).toMatchObject({ erased: 0 });
  });

  it.each(['done', 'running'])(
    'erases under names that were learned after the dump, which knows the erasure as %s',
    async (state) => {
      const ana = newPerson();
      await save(one.id, entry({ id: ana.jid, phone: ana.phone }));
      const erasure = await erase({ phone: ana.phone });
      const { db, vault } = stack.worker.context;
      const tenantId = await tenantOf(one.id);
      const lid = subjectOf(ana.lid)!;
      const digest = await db.tenant(tenantId, async (em) => (await openLedger(em, vault)).digest(tenantId, lid));
      await db.tenant(tenantId, (em) => addToLedger(em, { id: erasure.id, tenantId }, [digest], new Date()));
      const file = await exported();
      // The dump is older than the second name, and has a contact under it.
      await query('delete from erased_subjects where digest = ?', [digest]);
      await save(two.id, entry({ id: ana.lid, pushName: ana.name }));
      const person = { subjects: [subjectOf(ana.jid)!], contactIds: [] };
      if (state === 'running')
        await db.tenant(tenantId, async (em) => {
          await runSql(em, "update erasures set state = 'running' where id = ?", [erasure.id]);
          await setTarget(em, vault, { tenantId, erasureId: erasure.id }, person);
        });
      expect(await imported(file)).toMatchObject({ erased: 1 });
      const { body } = await stack.api.get(`/api/v1/erasures/${erasure.id}`);
      expect(body).toMatchObject({ state: 'done', receipt: { contacts: 2 } });
      expect(await tracesIn(tenantId, ana.jid, ana.lid, ana.name)).toEqual([]);
      expect(await imported(file)).toMatchObject({ erased: 0 });
    },
  );

  it('finishes an erasure that was running in the dump, which holds all its digests', async () => {
    const ana = newPerson();
    const erasure = await erase({ phone: ana.phone });
    const file = await exported();
    const { db, vault } = stack.worker.context;
    const tenantId = await tenantOf(one.id);
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, name: ana.name }));
    const person = { subjects: [subjectOf(ana.jid)!], contactIds: [] };
    await db.tenant(tenantId, async (em) => {
      await runSql(em, "update erasures set state = 'running' where id = ?", [erasure.id]);
      await setTarget(em, vault, { tenantId, erasureId: erasure.id }, person);
    });
    expect(await imported(file)).toMatchObject({ erased: 1 });
    const { body } = await stack.api.get(`/api/v1/erasures/${erasure.id}`);
    expect(body).toMatchObject({ state: 'done', receipt: { contacts: 1 } });
    expect(await tracesIn(tenantId, ana.jid, ana.name)).toEqual([]);
    expect(await imported(file)).toMatchObject({ erased: 0 });
  });

  it('from before a lifting erases no person who came back, whichever erasure it names', async () => {
    const ana = newPerson();
    const first = await erase({ phone: ana.phone });
    const early = await exported();
    const second = await erase({ phone: ana.phone });
    const late = await exported();
    await stack.api.delete(`/api/v1/erasures/${second.id}`);
    await save(one.id, entry({ id: ana.jid, phone: ana.phone, name: ana.name }));
    for (const file of [early, late]) expect(await imported(file)).toMatchObject({ erased: 0 });
    expect((await stack.api.get(`/api/v1/erasures/${first.id}`)).body.state).toBe('done');
    expect(await byPhone(stack.api, one.id, ana.phone)).not.toBeNull();
    expect(await erasedOf(ana)).toBe(0);
  });

  it('from before a later erasure takes nothing from it: lifting that one still lifts all', async () => {
    const ana = newPerson();
    await erase({ phone: ana.phone });
    const file = await exported();
    const second = await erase({ phone: ana.phone });
    expect(await imported(file)).toMatchObject({ erased: 0 });
    expect(await erasedOf(ana)).toBe(1);
    await stack.api.delete(`/api/v1/erasures/${second.id}`);
    expect(await erasedOf(ana)).toBe(0);
  });

  it('gives an erasure that the dump lacks all digests that it had taken over: lifting it lifts all', async () => {
    const ana = newPerson();
    const first = await erase({ phone: ana.phone });
    const second = await erase({ phone: ana.phone });
    const file = await exported();
    await query('update erased_subjects set erasure_id = ? where erasure_id = ?', [first.id, second.id]);
    await query('delete from erasures where id = ?', [second.id]);
    expect(await imported(file)).toMatchObject({ erased: 1 });
    await stack.api.delete(`/api/v1/erasures/${second.id}`);
    expect(await erasedOf(ana)).toBe(0);
  });

  it('is not waited for again when a repeated erasure finds another name later', async () => {
    const ana = newPerson();
    const erasure = await erase({ phone: ana.phone });
    const file = await exported();
    await query('delete from erasures where id = ?', [erasure.id]);
    expect(await imported(file)).toMatchObject({ erased: 1 });
    const { db, vault, clock } = stack.worker.context;
    const tenantId = await tenantOf(one.id);
    const found = entry({ id: ana.jid, phone: ana.phone, lid: ana.lid });
    await db.tenant(tenantId, (em) => filterErased(em, vault, tenantId, [found], clock.now()));
    expect((await stack.api.get(`/api/v1/erasures/${erasure.id}`)).body.state).toBe('running');
    expect(await erasuresToRepeat(db)).toBe(0);
    // So that nothing is left for the next tests.
    await stack.control.post('/clock', { advance_seconds: 60 });
    await eventually('the erasure', async () => {
      const { body } = await stack.api.get(`/api/v1/erasures/${erasure.id}`);
      return body.state === 'done';
    });
  });

  it('is one clear line when it is of another installation or missing', async () => {
    const { db, vault, clock } = stack.worker.context;
    const take = (text: string) => takeInLedger(db, vault, text, clock.now());
    await expect(take('nonsense')).rejects.toThrow(/^Line 1 /);
    const [header = '', ...lines] = await (async () => {
      const all: string[] = [];
      for await (const line of ledgerLines(db)) all.push(line);
      return all;
    })();
    await expect(take(`${header}\n${lines[0]}\n{"digest":"x"}`)).rejects.toThrow(/^Line 3 /);
    const { id } = JSON.parse(header).key;
    const value = vault.masterKeys.wrap(Buffer.from(Buffer.alloc(32, 1).toString('base64')), `ledger_keys.value:${id}`);
    await expect(take(JSON.stringify({ patchbay_ledger: 1, key: { id, value } }))).rejects.toThrow(
      /another installation/,
    );
  });
});

describe('SECURITY 21: a restored API', () => {
  it('answers nothing until every erasure in the kept ledger is repeated', async () => {
    const file = join(tmpdir(), `ledger-${randomBytes(6).toString('hex')}.jsonl`);
    const kept = await startTestStack({ ERASURE_LEDGER: file });
    try {
      const { id } = await wasenderAccount(kept, kept.api, people);
      const [{ phone_number: phone }] = await contactsOf(kept.api, id);
      const { body: erasure } = await kept.api.post('/api/v1/erasures?wait=20', { phone });
      expect(erasure.state).toBe('done');
      await eventually('the ledger', async () => (await readFile(file, 'utf8').catch(() => '')).includes(erasure.id));
      await kept.worker.stop();

      const { vault } = kept.worker.context;
      const restored = await openDatabase(kept.config.DATABASE_URL, { pool: { app: 1, system: 1 } });
      await restored.system(async (em) => {
        const [{ tenant_id: tenantId } = { tenant_id: '' }] = await runSql<{ tenant_id: string }>(
          em,
          'select tenant_id from accounts where id = ?',
          [id],
        );
        await runSql(em, 'delete from erasures');
        const of = { tenantId, accountId: id, at: new Date(), vault, keep: null };
        await saveContacts(em, of, [entry({ id: `${phone.slice(1)}@s.whatsapp.net`, phone })]);
      });
      let up = false;
      const starting = startApi({ ...kept.config, PORT: 0 }).then((api) => {
        up = true;
        return api;
      });
      await eventually('the erasure to be due again', async () =>
        restored.system(
          async (em) => (await runSql(em, "select 1 from erasures where state = 'running'")).length === 1,
        ),
      );
      expect(up).toBe(false);
      kept.worker = await kept.startWorker();
      // For the reconciler the erasure is stalled then.
      await kept.control.post('/clock', { advance_seconds: 60 });
      const api = await starting;
      const answer = await fetch(`${api.url}/api/v1/contacts?q=${phone.slice(1)}`, {
        headers: { authorization: `Bearer ${kept.api.key}` },
      });
      expect(((await answer.json()) as any).items).toEqual([]);
      await api.close();
      await restored.close();
    } finally {
      await kept.stop();
      await rm(file, { force: true });
    }
  });
});

describe('SECURITY 21: a new encryption key', () => {
  it('keeps the digests: values under the old key are reached, and erased people stay erased', async () => {
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
          headers: { 'patchbay-webhook-secret': webhookSecretsOf(await vault.keysOf(db, null), row)[0] ?? '' },
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
      const file = join(tmpdir(), `ledger-${randomBytes(6).toString('hex')}.jsonl`);
      const keep = keepLedger(installation.db, file);
      await keep();
      await rotateMasterKey(installation.db, createMasterKeys(parseKeyRing(freshKey, oldKey)));
      await keep();
      const takenIn = await takeInKeptLedger(installation.db, createVault(parseKeyRing(freshKey)), file, new Date());
      expect(takenIn?.digests).toBeGreaterThan(0);
      await rm(file);
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
