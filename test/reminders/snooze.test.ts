import { startTestApi, type TestApi } from '../api/support.ts';
import { connected, day, lose, move } from './reminding.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api?.stop());

const soon = (): string => new Date(Date.now() + 3 * day).toISOString();

it('reminders of an account are snoozed until a time, shown on it, and go on when that is ended', async () => {
  const { client, context } = api;
  const id = await connected(api);
  const path = `/api/v1/accounts/${id}/snooze`;
  expect(await client.post(path, { until: soon() })).toMatchObject({ status: 409, body: { code: 'nothing_asked' } });
  await lose(context, id, new Date());

  const until = soon();
  const { status, body } = await client.post(path, { until });
  expect([status, body.reminders]).toMatchObject([200, { snoozed_until: until, next_at: until, given_up: false }]);
  // The same again is the same.
  expect((await client.post(path, { until })).status).toBe(200);
  expect((await client.get(`/api/v1/accounts/${id}`)).body.reminders.snoozed_until).toBe(until);

  const ended = await client.delete(path);
  expect([ended.status, ended.body.reminders.snoozed_until]).toEqual([200, null]);
  expect((await client.delete(path)).status).toBe(200);
  const { body: timeline } = await client.get(`/api/v1/accounts/${id}/timeline?limit=200`);
  const kinds = timeline.items.map(({ kind }: { kind: string }) => kind);
  expect(kinds.filter((kind: string) => kind.includes('snooze'))).toEqual(['reminders_snoozed', 'snooze_ended']);
  const { body: feed } = await client.get(`/api/v1/events?account=${id}&types=account.updated`);
  const changes = feed.items.flatMap(({ data }: any) => data.changed);
  expect(changes.filter((name: string) => name.startsWith('reminders'))).toEqual([
    'reminders.snoozed_until',
    'reminders.snoozed_until',
  ]);
});

it('a snooze lasts through a login that does not succeed, and ends with the question', async () => {
  const { client, context } = api;
  const id = await connected(api);
  const at = new Date();
  await lose(context, id, at);
  const until = soon();
  await client.post(`/api/v1/accounts/${id}/snooze`, { until });
  await move(context, id, { type: 'login_began', at });
  await move(context, id, {
    type: 'login_failed',
    at,
    reason: 'deadline_passed',
    who: 'owner',
    resume: 'reconnect_required',
  });
  expect((await client.get(`/api/v1/accounts/${id}`)).body.reminders.snoozed_until).toBe(until);
  await move(context, id, { type: 'linked', at });
  expect((await client.get(`/api/v1/accounts/${id}`)).body.reminders).toBeNull();
});

it.each([
  ['in the past', () => new Date(Date.now() - 1_000).toISOString()],
  ['further than a year away', () => new Date(Date.now() + 400 * day).toISOString()],
  ['no time', () => 'tomorrow'],
])('a snooze until a time that is %s is refused', async (_name, until) => {
  const id = await connected(api);
  await lose(api.context, id, new Date());
  const { status, body } = await api.client.post(`/api/v1/accounts/${id}/snooze`, { until: until() });
  expect([status, body.errors[0].field]).toEqual([422, 'until']);
});

it.each([
  { reminder_hours: { from: '9:00', to: '17:00' } },
  { reminder_hours: { from: '24:00', to: '17:00' } },
  { reminder_hours: { from: '09:00', to: '09:00' } },
  { reminder_hours: { from: '09:00' } },
  { reminder_weeks: 0 },
  { quiet_hours: { from: '22:00', to: '07:00', replies_within_minutes: -1 } },
  { quiet_hours: { from: '22:00', to: '07:00', until: '08:00' } },
])('wrong hours of a tenant are refused: %j', async (wrong) => {
  const before = (await api.client.get('/api/v1/tenant')).body;
  expect((await api.client.patch('/api/v1/tenant', wrong)).status).toBe(422);
  expect((await api.client.get('/api/v1/tenant')).body).toEqual(before);
});
