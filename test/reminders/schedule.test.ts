import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { day } from './reminding.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

it('the Schedule reminds the owner of a lost account by event, with what to do, and no more once it works', async () => {
  const { body } = await stack.api.post('/api/v1/accounts', {
    provider: 'unipile',
    channel: 'whatsapp',
    owner: 'maya',
  });
  const { id } = body.account;
  const upstream = await eventually(
    'the login to begin',
    async () => (await stack.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id,
  );
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  await stack.control.post('/drop', { account_id: upstream, status: 'CREDENTIALS' });
  await stack.api.account(id, 'reconnect_required');
  const told = async (): Promise<any[]> =>
    (await stack.api.get(`/api/v1/events?account=${id}&types=account.action_required`)).body.items.map(
      ({ data }: any) => data,
    );
  expect(await eventually('the question', async () => (await told()).at(-1))).toMatchObject({ reminder: false });

  // The sandbox's clock is the stack's: its jump runs the sweep.
  await stack.control.post('/clock', { advance_seconds: (day + 60_000) / 1_000 });
  const reminder = await eventually('a reminder', async () => (await told()).find((data) => data.reminder));
  expect(reminder).toMatchObject({ who: 'owner', reminders: 1, what_to_do: expect.stringContaining('reconnect') });
  expect((await stack.timeline(id, 'owner_reminded')).data).toMatchObject({ reminders: 1, reason: reminder.reason });

  await stack.api.post(`/api/v1/accounts/${id}/reconnect`);
  await stack.api.step(id, 'qr');
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  await stack.control.post('/clock', { advance_seconds: (9 * day) / 1_000 });
  await stack.trigger('remindOwners');
  await eventually('the sweep', async () => {
    const [row] = await stack.db.system((em) =>
      em.execute('select count(*)::int as n from accounts where remind_due_at is not null'),
    );
    return row?.n === 0;
  });
  expect((await told()).filter((data) => data.reminder)).toHaveLength(1);
});
