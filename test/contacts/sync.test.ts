import { rows } from '../../db/connect.ts';
import { openContactsRun } from '../../db/contacts/open-run.ts';
import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

let numbers = 0;

/** A connected WASender account with an address book, whose first sync is over. */
async function connected(book: object = { size: 1200, seed: 'a' }): Promise<{ id: string; session: string }> {
  const phone_number = `+336399830${String((numbers += 1)).padStart(2, '0')}`;
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'maya',
    credentials: { phone_number },
  });
  const id = body.account.id;
  const session = (await stack.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id;
  await stack.control.put('/address-book', { session, ...book });
  await stack.control.post('/scan', { session });
  await stack.api.account(id, 'active');
  return { id, session };
}

const query = <T = any>(sql: string, params: unknown[] = []): Promise<T[]> =>
  stack.worker.deps.db.system((em) => rows<T>(em, sql, params));

const ended = (id: string, at = 0): Promise<any> =>
  eventually('the end of the sync', async () => {
    const [run] = await query(
      `select * from sync_runs where account_id = ? and kind = 'contacts' order by id desc limit 1 offset ?`,
      [id, at],
    );
    return run && run.state !== 'running' ? run : null;
  });

async function sync(id: string): Promise<any> {
  const { db, clock, vault } = stack.worker.deps;
  const [account] = await query('select * from accounts where id = ?', [id]);
  const run = await db.system((em) =>
    openContactsRun(em, vault, { id, tenantId: account.tenant_id }, null, clock.now()),
  );
  await stack.worker.deps.startSyncContacts(
    { tenantId: account.tenant_id, accountId: id, channel: 'whatsapp', provider: 'wasender' },
    run.scope,
  );
  return ended(id);
}

it('B1: the address book is read by itself once an account is connected, and each person counted once', async () => {
  const { id } = await connected();
  const run = await ended(id);
  expect(run).toMatchObject({ state: 'succeeded', reason: null, part: 1, cursor: null });
  const [{ n, named }] = await query(
    `select count(*)::int as n, count(coalesce(verified_name, name))::int as named from contacts where account_id = ?`,
    [id],
  );
  expect(n).toBe(1200);
  expect(run.stats).toEqual({
    total_fetched: 1200,
    successful_updates: 1200,
    failed_updates: 0,
    contacts_with_names: named,
    contacts_without_names: 1200 - named,
    inserted: 1200,
    updated: 0,
    unchanged: 0,
    duplicates: 0,
    skipped: 0,
    erased: 0,
  });
  expect(await query('select * from sync_pages')).toEqual([]);
});

it('B11: what did not change is not written again, and what did is', async () => {
  const { id, session } = await connected();
  await ended(id);
  const before = await query(
    'select id, xmin::text, raw_wasender_data from contacts where account_id = ? order by id',
    [id],
  );
  const same = await sync(id);
  expect(same.stats).toMatchObject({ total_fetched: 1200, unchanged: 1200, updated: 0, inserted: 0 });
  expect(
    await query('select id, xmin::text, raw_wasender_data from contacts where account_id = ? order by id', [id]),
  ).toEqual(before);
  await stack.control.patch('/address-book', { session, change: 0.05 });
  const run = await sync(id);
  expect(run.stats).toMatchObject({ total_fetched: 1200, unchanged: 1140, updated: 60, inserted: 0 });
});

it('knows a person under JID and LID as one, within a page and across pages, and counts repeats', async () => {
  const { id } = await connected({
    size: 1000,
    seed: 'b',
    near_duplicates: 0.05,
    far_duplicates: 0.05,
    lid_twins: 0.1,
    large_record: true,
  });
  const first = await ended(id);
  const [{ n }] = await query('select count(*)::int as n from contacts where account_id = ? and merged_into is null', [
    id,
  ]);
  expect(first.stats).toMatchObject({ failed_updates: 0, skipped: 0, successful_updates: n, inserted: n });
  expect(first.stats.total_fetched).toBe(n + first.stats.duplicates);
  const again = await sync(id);
  expect(again.stats).toMatchObject({ unchanged: n, updated: 0, inserted: 0 });
  const counted = (run: any) => [run.stats.total_fetched, run.stats.contacts_with_names, run.stats.duplicates];
  expect(counted(again)).toEqual(counted(first));
});
