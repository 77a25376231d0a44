import { eventually } from '../support/eventually.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});
afterAll(() => stack?.stop());

const today = (zone: string): string => new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format(new Date());

it('D10: messages that come in and go out are counted every hour, by owner, platform and date', async () => {
  const request = { provider: 'unipile', channel: 'whatsapp', owner: 'maya' };
  const { id } = (await stack.api.post('/api/v1/accounts', request)).body.account;
  const upstream = await eventually(
    'the login to begin',
    async () => (await stack.api.get(`/api/v1/accounts/${id}`)).body.provider_account_id,
  );
  await stack.control.post('/scan', { account_id: upstream });
  await stack.api.account(id, 'active');
  await stack.api.patch('/api/v1/tenant', { time_zone: 'Pacific/Kiritimati' });
  for (const n of [1, 2])
    await stack.control.post('/messages', { account_id: upstream, from: `+3363998123${n}`, text: 'Hello?', count: 2 });
  const live = await eventually('four messages', async () => {
    const { items } = (await stack.api.get(`/api/v1/messages?account=${id}&limit=50`)).body;
    const found = items.filter(({ text }: any) => text?.startsWith('Hello?'));
    return found.length === 4 && found;
  });
  const path = `/api/v1/conversations/${live[0].conversation}/messages`;
  const { id: reply } = (await stack.api.post(path, { text: 'Yes?' })).body;
  await eventually(
    'the reply to go out',
    async () => (await stack.api.get(`/api/v1/messages/${reply}`)).body.send.state === 'sent',
  );
  const date = today('Pacific/Kiritimati');
  const read = async (): Promise<any> => (await stack.api.get(`/api/v1/analytics/daily?account=${id}&by=account`)).body;
  const dayOf = ({ items }: any): any => items.find((row: any) => row.date === date);
  const counted = await eventually('the day to be counted', async () => {
    await stack.trigger('aggregateAnalytics');
    const answer = await read();
    // The first sync may end later than the reply goes out.
    return answer.waiting_since === null && dayOf(answer)?.syncs_succeeded > 0 && answer;
  });
  const own = dayOf(counted);
  // The history that the account came with is counted too, on its own days.
  const { items: all } = (await stack.api.get(`/api/v1/messages?account=${id}&limit=200`)).body;
  const ofToday = all.filter(
    ({ sent_at: at }: any) =>
      date === new Intl.DateTimeFormat('en-CA', { timeZone: 'Pacific/Kiritimati' }).format(new Date(at)),
  );
  const incoming = ofToday.filter(({ direction }: any) => direction === 'in').length;
  const outgoing = ofToday.filter(({ direction }: any) => direction === 'out').length;
  expect(own).toMatchObject({
    channel: 'whatsapp',
    owner: 'maya',
    messages_total: incoming + outgoing,
    messages_incoming: incoming,
    messages_outgoing: outgoing,
    conversations: new Set(ofToday.map(({ conversation }: any) => conversation)).size,
    sends_sent: 1,
  });
  expect(incoming).toBeGreaterThanOrEqual(4);
  expect(outgoing).toBeGreaterThanOrEqual(1);
});
