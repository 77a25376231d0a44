import { createContactSyncs, type ContactSyncs } from '../contacts/contact-syncs.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
let syncs: ContactSyncs;
/** An account with an address book, and another one of the same tenant without. */
let book: string;
let bookless: string;
/** Numbers of people of the address book whose contacts were lost. */
let lost: string[];
/** Conversations with each of them: two of the account, one of the other one; and a group with the first. */
let chats: string[];
let group: string;
beforeAll(async () => {
  stack = await startTestStack({ WASENDER_AUTO_SYNC_ENABLED: 'false' });
  syncs = createContactSyncs(stack);
  ({ id: book } = await syncs.connected({ size: 12, seed: 'people' }));
  const request = { provider: 'unipile', channel: 'whatsapp', owner: 'ana' };
  bookless = (await stack.api.post('/api/v1/accounts', request)).body.account.id;
  const people = await syncs.query(
    'select phone_number as phone from contacts where account_id = ? and phone_number is not null order by 1 limit 3',
    [book],
  );
  lost = people.map(({ phone }) => phone);
  const seed = (account: string, phones: string[]): Promise<{ chats: string[]; group: string }> =>
    stack.db.system((em) =>
      seedMessages(em, account, (to) => {
        const attendees = phones.map((phone) =>
          to.attendee({ providerAttendeeId: `${phone.slice(1)}@s.whatsapp.net`, phoneNumber: phone }),
        );
        const owner = to.attendee({ isSelf: true });
        return {
          chats: attendees.map((one) => to.conversation({}, [one, owner]).id),
          group: to.conversation({ kind: 'group', name: 'Team' }, [...attendees.slice(0, 1), owner, to.attendee({})])
            .id,
        };
      }),
    );
  const own = await seed(book, lost.slice(0, 2));
  chats = [...own.chats, ...(await seed(bookless, lost.slice(2))).chats];
  ({ group } = own);
}, 120_000);
afterAll(() => stack?.stop());
beforeEach(async () => {
  await syncs.query('delete from contacts where account_id = ? and phone_number = any(?::text[])', [
    book,
    `{${lost.join(',')}}`,
  ]);
});

const path = '/api/sync/conversation-contacts';
/** The numbers whose contacts are there again. */
const back = async (): Promise<string[]> =>
  (
    await syncs.query(
      'select phone_number as phone from contacts where account_id = ? and phone_number = any(?::text[]) order by 1',
      [book, `{${lost.join(',')}}`],
    )
  ).map(({ phone }) => phone);

it('B3: the contacts of all conversations of two are synced by one run for each address book', async () => {
  const { status, body } = await stack.api.post(path, {});
  expect({ status, body }).toMatchObject({
    status: 200,
    body: {
      status: 'success',
      stats: { total_fetched: 3, successful_updates: 3, failed_updates: 0 },
      runs: [{ account_id: book, kind: 'contacts', state: 'succeeded', scope: { conversations: 'own_and_others' } }],
      left_out: 0,
    },
  });
  expect(body.runs).toHaveLength(1);
  expect(await back()).toEqual(lost);
  const again = await stack.api.post('/api/v1/contacts/sync/conversations?wait=20', {});
  expect(again).toMatchObject({ status: 200, body: { items: [{ stats: { unchanged: 3 } }], left_out: 0 } });
});

it('B3: those of named conversations, of a group everybody', async () => {
  const one = await stack.api.post(path, { conversation_ids: [chats[2]] });
  expect(one).toMatchObject({ status: 200, body: { stats: { total_fetched: 1 }, runs: [{ account_id: book }] } });
  expect(await back()).toEqual([lost[2]]);
  const scope = { conversation_ids: [group] };
  const some = await stack.api.post(`/api/v1/accounts/${book}/syncs?wait=20`, { kind: 'contacts', scope });
  // Of the owner nothing is asked, nor of people without a number.
  expect(some).toMatchObject({
    status: 200,
    body: { scope, state: 'succeeded', stats: { total_fetched: 2, successful_updates: 1, skipped: 1 } },
  });
  expect(await back()).toEqual([lost[0], lost[2]]);
});

it('B3: a second request joins the run that works', async () => {
  const [one, two] = await Promise.all([stack.api.post(path, {}), stack.api.post(path, {})]);
  expect(one.body.runs[0].id).toBe(two.body.runs[0].id);
  expect(await back()).toEqual(lost);
});

it('B3: unknown conversations, those of other tenants, and accounts without an address book are refused', async () => {
  const other = await stack.client('another');
  for (const [client, conversation_ids, status, code] of [
    [stack.api, [chats[0], 'x'], 404, 'not_found'],
    [stack.api, [chats[0], book], 404, 'not_found'],
    [other, [chats[0]], 404, 'not_found'],
    [stack.api, [], 422, 'invalid_request'],
    [stack.api, 'x', 422, 'invalid_request'],
  ] as const)
    expect((await client.post(path, { conversation_ids })).body).toMatchObject({ status, code });
  const request = { kind: 'contacts', scope: { conversation_ids: [chats[2]] } };
  const at = (account: string) => stack.api.post(`/api/v1/accounts/${account}/syncs`, request);
  expect((await at(bookless)).body).toMatchObject({ status: 422, code: 'unsupported' });
  expect((await at(book)).body).toMatchObject({ status: 404, code: 'not_found' });
  expect(await back()).toEqual([]);
  const asked = await stack.control.count('GET', '/api/contacts/:phone');
  expect((await other.post(path, {})).body).toMatchObject({ status: 'success', runs: [] });
  expect(await stack.control.count('GET', '/api/contacts/:phone')).toBe(asked);
});
