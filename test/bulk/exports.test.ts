import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { type TestStack } from '../support/stack.ts';
import { answerHere } from '../cli/in-process.ts';
import { commandEnv } from '../cli/run.ts';
import { createErasing, newPerson, entry, startErasureFixture, type ErasureFixture } from '../security/erasing.ts';

let stack: TestStack;
let other: ApiClient;
let one: ErasureFixture['one'];
let two: ErasureFixture['two'];
let theirs: ErasureFixture['theirs'];
beforeAll(async () => {
  ({ stack, other, one, two, theirs } = await startErasureFixture());
}, 120_000);
afterAll(() => stack?.stop());
const { query, contactsOf, tenantOf, erase, save, deliver } = createErasing(() => stack);

const start = (body: object = {}, client = stack.api) =>
  client.post('/api/v1/bulk-operations', { operation: 'export', ...body });
const ended = (id: string, client = stack.api): Promise<any> =>
  eventually('the export', async () => {
    const { body } = await client.get(`/api/v1/bulk-operations/${id}`);
    return body.state === 'done' ? body : null;
  });
const fileOf = (id: string, name: string, client = stack.api) =>
  fetch(new URL(`/api/v1/bulk-operations/${id}/files/${name}`, client.url), {
    headers: { authorization: `Bearer ${client.key}` },
  });
/** Every file of an export by its name, its digest checked. */
async function filesOf(id: string, client = stack.api): Promise<Record<string, string>> {
  const { body } = await client.get(`/api/v1/bulk-operations/${id}/files?limit=200`);
  const files: Record<string, string> = {};
  for (const { name, bytes, sha256 } of body.items) {
    const content = Buffer.from(await (await fileOf(id, name, client)).arrayBuffer());
    expect([content.length, createHash('sha256').update(content).digest('hex')]).toEqual([bytes, sha256]);
    files[name] = content.toString();
  }
  return files;
}
const rowsIn = (files: Record<string, string>, table: string): any[] =>
  Object.entries(files)
    .filter(([name]) => name.startsWith(`${table}-`))
    .flatMap(([, text]) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
const idsOf = (rows: { id: string }[]): Set<string> => new Set(rows.map(({ id }) => id));
const exported = async (body: object = {}, client = stack.api) => {
  const { body: begun } = await start(body, client);
  await ended(begun.id, client);
  return { id: begun.id as string, files: await filesOf(begun.id, client) };
};

describe('F7: the export of a tenant', () => {
  it('holds every row of the tenant, opened, with a manifest, and nothing of another tenant', async () => {
    const { files } = await exported();
    const manifest = JSON.parse(files['manifest.json']!);
    const tenant = await tenantOf(one.id);
    expect(manifest).toMatchObject({ patchbay_export: 1, tenant_id: tenant, of: 'tenant' });
    const tableOf = (name: string) => manifest.tables.find((table: any) => table.name === name);
    expect(idsOf(rowsIn(files, 'accounts'))).toEqual(new Set([one.id, two.id]));
    const contacts = rowsIn(files, 'contacts');
    const mine = [...(await contactsOf(stack.api, one.id)), ...(await contactsOf(stack.api, two.id))];
    expect(idsOf(contacts)).toEqual(idsOf(mine));
    expect(tableOf('contacts')).toMatchObject({ rows: mine.length, files: [{ name: 'contacts-0001.ndjson' }] });
    const named = contacts.find(({ phone_number: phone }) => phone !== null);
    expect(named.raw_wasender_data).toContain(named.phone_number.slice(1));
    const all = Object.values(files).join('');
    expect(all).not.toContain(theirs.id);
    expect(all).not.toContain(await tenantOf(theirs.id));
    expect(tableOf('accounts').withheld).toContain('provider_keys');
    expect(rowsIn(files, 'accounts')[0]).not.toHaveProperty('provider_keys');
    for (const { name, rows, files: written } of manifest.tables)
      expect([name, rowsIn(files, name).length]).toEqual([name, written.length ? rows : 0]);
  });

  it('is sealed where it is stored, and read by keys with both scopes alone', async () => {
    const { id } = await exported();
    const [{ hash }] = await query(
      'select m.hash from export_files f join media m on m.id = f.media_id where f.operation_id = ? limit 1',
      [id],
    );
    const stored = await readFile(
      join(stack.config.MEDIA_FOLDER, hash.slice(0, 2), `${await tenantOf(one.id)}.${hash}`),
    );
    expect(stored.toString('latin1')).not.toContain(await tenantOf(one.id));
    const [{ name: tenant }] = await query('select name from tenants where id = ?', [await tenantOf(one.id)]);
    for (const scopes of [
      ['read', 'write'],
      ['read', 'write', 'admin'],
      ['read', 'write', 'raw'],
    ] as const) {
      const client = await stack.client(tenant, scopes);
      expect((await start({}, client)).status).toBe(403);
      expect((await fileOf(id, 'manifest.json', client)).status).toBe(403);
      expect((await client.get(`/api/v1/bulk-operations/${id}/files`)).status).toBe(403);
    }
    expect((await fileOf(id, 'manifest.json', other)).status).toBe(404);
    expect((await fileOf(id, 'no-such.ndjson')).status).toBe(404);
    const part = await fetch(new URL(`/api/v1/bulk-operations/${id}/files/manifest.json`, stack.api.url), {
      headers: { authorization: `Bearer ${stack.api.key}`, range: 'bytes=2-20' },
    });
    const whole = await (await fileOf(id, 'manifest.json')).text();
    expect([part.status, await part.text()]).toEqual([206, whole.slice(2, 21)]);
  });

  it('has an end: then its files are gone, and so are their bytes', async () => {
    const { id } = await exported();
    const media = (await query('select media_id from export_files where operation_id = ?', [id])).map(
      (row) => row.media_id,
    );
    await query("update bulk_operations set expires_at = now() - interval '1 minute' where id = ?", [id]);
    const gone = await fileOf(id, 'manifest.json');
    expect([gone.status, ((await gone.json()) as any).code]).toEqual([410, 'export_gone']);
    await stack.trigger('maintenance');
    await eventually('the bytes to be removed', async () => {
      const [{ n }] = await query('select count(*)::int as n from media where id = any(?::uuid[])', [
        `{${media.join(',')}}`,
      ]);
      return n === 0;
    });
    expect((await stack.api.get(`/api/v1/bulk-operations/${id}`)).body).toMatchObject({
      state: 'done',
      expires_at: null,
    });
  });

  it('does not hold a person who was erased, also where the erasure came later', async () => {
    const [person] = (await contactsOf(stack.api, one.id)).filter((found) => found.phone_number);
    const digits = person.phone_number.slice(1);
    const before = await exported();
    expect(Object.values(before.files).join('')).toContain(digits);
    await erase({ phone: person.phone_number });
    expect((await fileOf(before.id, 'contacts-0001.ndjson')).status).toBe(410);
    const { files } = await exported();
    expect(Object.values(files).join('')).not.toContain(digits);
  });

  it('breaks a large table into files, without a row twice or missing', async () => {
    const seeded = await stack.worker.context.db.system((em) =>
      seedMessages(em, one.id, (to) => to.message(to.conversation({}, []), { text: 'one of many' })),
    );
    await query(
      `insert into messages (id, tenant_id, account_id, conversation_id, provider_message_id, sort_key, direction, sender_id,
         text, versions, status, sent_at, sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at,
         updated_at)
       select gen_random_uuid(), tenant_id, account_id, conversation_id, n::text, n::text, direction, sender_id,
         text, versions, status, sent_at, sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at,
         updated_at
       from messages, generate_series(1, 21000) n where id = ?`,
      [seeded.id],
    );
    const { files } = await exported();
    const ids = rowsIn(files, 'messages').map(({ id }) => id);
    const [{ n }] = await query('select count(*)::int as n from messages where tenant_id = ?', [
      await tenantOf(one.id),
    ]);
    expect(n).toBeGreaterThan(21_000);
    expect([ids.length, new Set(ids).size]).toEqual([n, n]);
    expect(Object.keys(files).filter((name) => name.startsWith('messages-'))).toHaveLength(2);
  }, 240_000);
});

describe('F7: the export of one person', () => {
  it('holds what an erasure of the person takes, number for number', async () => {
    const person = newPerson();
    await save(one.id, entry({ id: person.jid, phone: person.phone, lid: person.lid, name: person.name }));
    await save(two.id, entry({ id: person.jid, phone: person.phone, name: person.name }));
    await deliver(one.session, 'messages.received', {
      messages: {
        key: { id: 'person-1', fromMe: false, remoteJid: person.jid, cleanedSenderPn: person.phone.slice(1) },
        messageBody: 'a text of the person',
      },
    });
    await eventually('the message', async () => {
      const { body } = await stack.api.get(`/api/v1/messages?account=${one.id}&limit=200`);
      return body.items.some((message: any) => message.text === 'a text of the person');
    });
    const { files } = await exported({ person: { phone: person.phone } });
    const manifest = JSON.parse(files['manifest.json']!);
    expect(manifest.of).toBe('person');
    const rows = (name: string): number => manifest.tables.find((table: any) => table.name === name).rows;
    expect(Object.values(files).join('')).toContain(person.name);
    expect(rowsIn(files, 'messages').map(({ text }) => text)).toEqual(['a text of the person']);
    const { receipt } = await erase({ phone: person.phone });
    expect(receipt).toMatchObject({
      contacts: rows('contacts'),
      aliases: rows('contact_aliases'),
      raw_records: rowsIn(files, 'contacts').filter((row) => row.raw_wasender_data !== null).length,
      webhook_bodies: rows('webhook_bodies') + rows('webhook_bodies_of_unknown_accounts'),
      sync_runs: rows('sync_runs'),
      stored_answers: rows('stored_answers'),
      timeline_entries: rows('account_events'),
      conversations: rows('conversations'),
      messages: rows('messages'),
    });
    expect([receipt.contacts, receipt.messages, receipt.webhook_bodies]).toEqual([2, 1, 1]);
    const again = await exported({ person: { phone: person.phone } });
    expect(JSON.parse(again.files['manifest.json']!).tables.every(({ rows: n }: any) => n === 0)).toBe(true);
  });

  it('names the person in one way', async () => {
    const two = await start({ person: { phone: '+33639980100', lid: '900000000070001@lid' } });
    expect(two.status).toBe(422);
    expect((await start({ person: {} })).status).toBe(422);
    expect((await start({ person: { contact_id: (await contactsOf(other, theirs.id))[0].id } })).status).toBe(404);
  });
});

it('patchbay export writes the files of a tenant and of a person into a folder', async () => {
  const env = commandEnv(stack);
  const [{ name: tenant }] = await query('select name from tenants where id = ?', [await tenantOf(one.id)]);
  const folder = await mkdtemp(join(tmpdir(), 'export-'));
  const [person] = (await contactsOf(stack.api, two.id)).filter((found) => found.phone_number);
  try {
    const done = await answerHere(env, 'export', 'tenant', '--tenant', tenant, '--out', join(folder, 'all'));
    const names = await readdir(join(folder, 'all'));
    expect(names).toHaveLength(done.files);
    expect(names).toContain('manifest.json');
    await answerHere(
      env,
      'export',
      'person',
      '--tenant',
      tenant,
      '--phone',
      person.phone_number,
      '--out',
      join(folder, 'one'),
    );
    expect(await readFile(join(folder, 'one', 'contacts-0001.ndjson'), 'utf8')).toContain(person.phone_number);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
