import { isWithin } from '../../domain/hours.ts';
import { atTime } from '../tokens/at-time.ts';
import { startTestApi, type TestApi } from '../api/support.ts';
import type { ApiClient } from '../support/client.ts';
import { asked, connected, day, hour, lose, move, remindedAt, sweepReminders } from './reminding.ts';

const berlin = 'Europe/Berlin';
const office = { from: '09:00', to: '17:00' };
const kolkata = 'Asia/Kolkata';
const evening = { from: '20:00', to: '02:00' };
/** A Monday; the clock in Berlin is put forward on the 28th. */
const began = Date.parse('2027-03-15T10:00:00Z');

let api: TestApi;
let other: ApiClient;
beforeAll(async () => {
  api = await startTestApi();
  other = await api.clientOf('evening');
  await api.client.patch('/api/v1/tenant', { time_zone: berlin, reminder_hours: office });
  await other.patch('/api/v1/tenant', { time_zone: kolkata, reminder_hours: evening });
});
afterAll(() => api?.stop());

const daysAfter = (times: readonly Date[], start = began): number[] =>
  times.map((at) => Math.floor((at.getTime() - start) / day));

it('30 days of the clock: owners are reminded after one day, three, then weekly, within their hours, and never after it was done', async () => {
  let now = began;
  const context = atTime(api.context, () => now);
  const at = (): Date => new Date(now);

  const waits = await connected(api);
  const mended = await connected(api);
  const snoozed = await connected(api);
  const atNight = await connected(api);
  const away = await connected(api);
  const theirs = await connected(api, other);
  const works = await connected(api);
  for (const id of [waits, mended, snoozed, theirs]) await lose(context, id, at());
  // An attempt whose owner does not come back.
  await lose(context, away, at());
  await move(context, away, { type: 'login_began', at: at() });

  const mendedAt = began + 12 * day + 5 * hour;
  for (; now < began + 30 * day; now += hour) {
    const hours = (now - began) / hour;
    if (hours === 1)
      await move(context, away, {
        type: 'login_failed',
        at: at(),
        reason: 'deadline_passed',
        who: 'owner',
        resume: 'reconnect_required',
      });
    // 02:00 in Berlin.
    if (hours === 39) await lose(context, atNight, at());
    if (hours === 2 * 24) {
      const until = new Date(began + 20 * day + 3 * hour).toISOString();
      expect((await api.client.post(`/api/v1/accounts/${snoozed}/snooze`, { until })).status).toBe(200);
    }
    if (now === mendedAt) await move(context, mended, { type: 'linked', at: at() });
    await sweepReminders(context);
  }

  expect(daysAfter(await remindedAt(context, waits))).toEqual([1, 3, 10, 17, 24]);
  expect(daysAfter(await remindedAt(context, away))).toEqual([1, 3, 10, 17, 24]);
  expect(daysAfter(await remindedAt(context, mended))).toEqual([1, 3, 10]);
  // After the snooze it begins anew.
  expect(daysAfter(await remindedAt(context, snoozed))).toEqual([1, 20, 21, 23]);
  expect(await remindedAt(context, works)).toEqual([]);
  // At once when the hours begin, then by the rhythm.
  const night = await remindedAt(context, atNight);
  expect(daysAfter(night, began + 39 * hour)).toEqual([0, 1, 3, 10, 17, 24]);
  expect(night[0]).toEqual(new Date('2027-03-17T08:00:00Z'));

  for (const id of [waits, mended, snoozed, atNight, away])
    for (const time of await remindedAt(context, id))
      expect([time, isWithin(office, berlin, time)]).toEqual([time, true]);
  const abroad = await remindedAt(context, theirs);
  expect(abroad).toHaveLength(6);
  for (const time of abroad) expect([time, isWithin(evening, kolkata, time)]).toEqual([time, true]);

  const told = await asked(api.client, waits);
  expect(told.map(({ reminder, reminders }) => [reminder, reminders])).toEqual([
    [false, 0],
    [true, 1],
    [true, 2],
    [true, 3],
    [true, 4],
    [true, 5],
  ]);
  expect(told.at(-1)).toMatchObject({
    state: 'reconnect_required',
    reason: 'login_lost',
    what_to_do: 'Log in again: reconnect the account.',
  });
  expect((await asked(api.client, mended)).filter(({ reminder }) => reminder)).toHaveLength(3);
  const { body } = await api.client.get(`/api/v1/accounts/${mended}`);
  expect(body.reminders).toBeNull();
  expect((await api.client.get(`/api/v1/accounts/${waits}`)).body.reminders).toMatchObject({
    asked_at: new Date(began).toISOString(),
    sent: 5,
    snoozed_until: null,
    given_up: false,
  });
}, 600_000);

it('gives up after the weeks that the tenant sets, says so, and begins again when that is snoozed', async () => {
  const client = await api.clientOf('two weeks');
  await client.patch('/api/v1/tenant', { reminder_weeks: 2 });
  let now = Date.now();
  const start = now;
  const context = atTime(api.context, () => now);
  const id = await connected(api, client);
  await lose(context, id, new Date(now));
  for (; now < start + 30 * day; now += 6 * hour) await sweepReminders(context);
  expect(daysAfter(await remindedAt(context, id), start)).toEqual([1, 3, 10]);
  const { body } = await client.get(`/api/v1/accounts/${id}`);
  expect(body).toMatchObject({ state: 'reconnect_required', reminders: { given_up: true, next_at: null, sent: 3 } });
  const { body: timeline } = await client.get(`/api/v1/accounts/${id}/timeline?limit=200`);
  expect(timeline.items.at(-1)).toMatchObject({ kind: 'reminders_given_up', data: { reminders: 3 } });
  const changes = await client.get(`/api/v1/events?account=${id}&types=account.updated`);
  expect(changes.body.items.at(-1)?.data.changed).toContain('reminders.given_up_at');

  const until = new Date(start + 40 * day).toISOString();
  expect((await client.post(`/api/v1/accounts/${id}/snooze`, { until })).body.reminders).toMatchObject({
    given_up: false,
    snoozed_until: until,
  });
  for (; now < start + 42 * day; now += 6 * hour) await sweepReminders(context);
  expect(daysAfter(await remindedAt(context, id), start)).toEqual([1, 3, 10, 40, 41]);
}, 300_000);

it('looks anew when the tenant changes its hours', async () => {
  const client = await api.clientOf('changing');
  let now = Date.now();
  const context = atTime(api.context, () => now);
  const id = await connected(api, client);
  await lose(context, id, new Date(now));
  await sweepReminders(context);
  now += day + hour;
  const wall = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
  const later = { from: wall(now + 2 * hour), to: wall(now + 3 * hour) };
  expect((await client.patch('/api/v1/tenant', { reminder_hours: later })).status).toBe(200);
  await sweepReminders(context);
  expect(await remindedAt(context, id)).toEqual([]);
  await client.patch('/api/v1/tenant', { reminder_hours: null });
  await sweepReminders(context);
  expect(await remindedAt(context, id)).toHaveLength(1);
});
