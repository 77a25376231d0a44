import { createReconciler } from '../../services/reconcile/reconcile.ts';
import { eventually } from '../support/eventually.ts';
import { createUpstream, startSending, type Sending } from '../messages/sending.ts';

let sending: Sending;
beforeAll(async () => {
  sending = await startSending();
});
afterAll(() => sending?.stop());
beforeEach(() => void Object.assign(sending.upstream, createUpstream()));

const people = ['+33639980001', '+33639980002', '+33639980003', '+33639980004'];
const texts = (): string[] => sending.upstream.taken.map(({ text }) => text);
const post = async (path: string, body: object = {}): Promise<any> => {
  const answer = await sending.api.client.post(`/api/v1/tenant/${path}`, body);
  expect(answer.status).toBe(200);
  return answer.body;
};

async function queue(account: { id: string }, n: number, name: string): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < n; at += 1) {
    const person = at % people.length;
    const text = `${name}/${person}/${String(at).padStart(3, '0')}`;
    ids.push((await sending.send(account.id, text, { recipients: [people[person]] })).id);
  }
  return ids;
}

it('M6: a stop while a burst is being sent lets none out after its answer but what is under way, loses none, and keeps the order', async () => {
  const { upstream, api } = sending;
  const accounts = [await sending.account(), await sending.account(), await sending.account()];
  const ids = (await Promise.all(accounts.map((account, n) => queue(account, 24, `${n}`)))).flat();
  // Each call takes a moment, so that the stop comes between and within calls.
  upstream.during = () => new Promise((resolve) => setTimeout(resolve, 15));
  const draining = Promise.all(accounts.map((account) => sending.drain(account)));
  await eventually('the burst', () => Promise.resolve(upstream.taken.length >= 15));
  const stopped = await post('stop-sending', { note: 'A campaign went wrong' });
  const begun = upstream.calls;
  expect(stopped).toMatchObject({ stopped: true, stops: [{ reason: 'tenant', note: 'A campaign went wrong' }] });
  await draining;
  // One message of each account at most had its mark, and not yet its call.
  expect(upstream.calls - begun).toBeLessThanOrEqual(accounts.length);
  const sent = texts().length;
  expect(sent).toBeLessThan(ids.length);
  for (const account of accounts) expect(await sending.drain(account)).toMatchObject({ sent: 0 });
  expect(texts()).toHaveLength(sent);

  const waiting = await Promise.all(ids.map(async (id) => (await api.client.get(`/api/v1/messages/${id}`)).body.send));
  const states = waiting.filter(({ state }) => state !== 'sent');
  expect(states).toHaveLength(ids.length - sent);
  for (const one of states) expect(one).toMatchObject({ state: 'queued', waits_for: 'stopped', waits_until: null });

  expect(await post('resume-sending')).toEqual({ stopped: false, stops: [] });
  await Promise.all(accounts.map((account) => sending.drain(account)));
  expect(texts()).toHaveLength(ids.length);
  expect(new Set(texts()).size).toBe(ids.length);
  for (const [n] of accounts.entries())
    for (const [person] of people.entries()) {
      const own = texts().filter((text) => text.startsWith(`${n}/${person}/`));
      expect(own).toEqual(own.toSorted());
    }
});

it('M6: while a tenant is stopped messages are taken, nothing is drained in vain, and the reconciler goes on after the start', async () => {
  const { api, context } = sending;
  const account = await sending.account();
  await post('stop-sending');
  const { id, send } = await sending.send(account.id, 'Waits');
  expect(send.state).toBe('queued');
  await sending.drain(account);
  expect((await api.client.get(`/api/v1/messages/${id}`)).body.send.waits_for).toBe('stopped');
  const started = async (): Promise<number> => {
    api.clock.advance(60_000);
    const before = api.temporal.sends.length;
    await createReconciler(context, 1_000).round(() => false);
    return api.temporal.sends.slice(before).filter((one) => one === account.id).length;
  };
  expect(await started()).toBe(0);
  await post('resume-sending');
  expect(await started()).toBe(1);
  await sending.drain(account);
  expect(texts()).toEqual(['Waits']);
});

it('M6: a hold that a worker wrote while the start came does not outlast it', async () => {
  const { context, api } = sending;
  const account = await sending.account();
  await sending.send(account.id, 'Late');
  const hold = `update send_queues set holds_until = '9999-01-01', holds_for = 'stopped' where account_id = ?`;
  await context.db.system((em) => em.execute(hold, [account.id]));
  const before = api.temporal.sends.length;
  api.clock.advance(60_000);
  await createReconciler(context, 1_000).round(() => false);
  expect(api.temporal.sends.slice(before)).toContain(account.id);
  await sending.drain(account);
  expect(texts()).toEqual(['Late']);
});

it('M6: a stopped account neither edits nor reacts nor shows typing, and takes back what it sent', async () => {
  const account = await sending.account();
  const { id } = await sending.send(account.id, 'Hello');
  await sending.drain(account);
  await post('stop-sending');
  const { client } = sending.api;
  const edited = await client.patch(`/api/v1/messages/${id}`, { text: 'Hallo' });
  expect([edited.status, edited.body.code]).toEqual([409, 'sending_stopped']);
  expect(edited.body.detail).toContain('resume-sending');
  expect((await client.delete(`/api/v1/messages/${id}`)).status).toBe(200);
  await post('resume-sending');
});

it('M6: stops of a tenant leave another one alone, need the scope admin, and are on its timeline', async () => {
  const { api } = sending;
  const other = await api.clientOf('others');
  await post('stop-sending', { note: 'Why' });
  // The same once more.
  await post('stop-sending');
  expect((await other.get('/api/v1/tenant/sending')).body).toEqual({ stopped: false, stops: [] });
  const writer = await api.clientOf('ours', ['read', 'write']);
  expect((await writer.post('/api/v1/tenant/resume-sending')).status).toBe(403);
  expect((await writer.get('/api/v1/tenant/sending')).body.stopped).toBe(true);
  await post('resume-sending');
  const { body } = await api.client.get('/api/v1/tenant/timeline?limit=200');
  const lines = body.items.filter(({ kind }: any) => kind.startsWith('sending_'));
  expect(lines.slice(-2)).toMatchObject([
    { kind: 'sending_stopped', data: { reason: 'tenant', note: 'Why' } },
    { kind: 'sending_started', data: { reason: 'tenant' } },
  ]);
});
