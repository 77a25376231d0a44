import type pg from 'pg';
import { Tenant } from '../../db/entities/tenants.ts';
import { claimMarked, countMarked } from '../../services/analytics/count-marked.ts';
import { startTestApi, type TestApi } from '../api/support.ts';
import type { ApiClient } from '../support/client.ts';
import { addInbox, inboxId } from '../../bench/inbox.ts';
import {
  explainAll,
  greedy,
  planServers,
  plansOf,
  scans,
  startPlanServer,
  type Explained,
  type PlanServer,
} from '../support/plans.ts';
import { runSql } from '../support/run-sql.ts';

/** `PATCHBAY_TEST_PLANS=full` asks for the full size. */
const size =
  process.env.PATCHBAY_TEST_PLANS === 'full'
    ? { conversations: 50_000, messages: 1_000_000 }
    : { conversations: 6_000, messages: 30_000 };
/** Rows that a node of a plan may read: a page and what belongs to it. */
const most = 2_000;
/** Of the matches of a common word this many are read before the newest messages are read one after the other. */
const mostMatches = 11_000;
const tables = [
  'contacts',
  'contact_aliases',
  'attendees',
  'conversations',
  'conversation_attendees',
  'messages',
  'provider_keys',
  'webhook_deliveries',
  'account_days',
  'conversation_days',
];

/** Two endpoints, and one delivery in a hundred that waits or is dead. */
async function addDeliveries(client: pg.Client, tenant: string, n: number, most: number): Promise<void> {
  const id = (number: string): string =>
    `(left('${inboxId(n, 'f', 0)}', 24) || lpad(to_hex(${number}), 12, '0'))::uuid`;
  await client.query(
    `insert into webhook_endpoints (id, tenant_id, url, secrets, enabled, stamp, seq, failures, created_at, updated_at)
     select ${id('e')}, $1, 'https://app.example', '', false, 0, 0, 0, now(), now() from generate_series(1, 2) e`,
    [tenant],
  );
  await client.query(
    `insert into webhook_deliveries (id, tenant_id, endpoint_id, stamp, seq, lane, type, data, event_at, state, tries,
       created_at, give_up_at)
     select ${id('d')}, $1, ${id('1 + d % 2')}, d, d, $1, 'message.created', '{}', now(),
       case d % 200 when 0 then 'pending' when 1 then 'dead' else 'delivered' end, 1, now(), now()
     from generate_series(100, $2) d`,
    [tenant, most],
  );
}

/** A hundred days of each account, each with one of its conversations. */
async function addDays(client: pg.Client, tenant: string): Promise<void> {
  await client.query(
    `insert into account_days (account_id, day, tenant_id, messages_total, messages_incoming, messages_outgoing,
       messages_deleted, messages_live, conversations, conversations_unanswered, response_seconds, sends_sent, sends_failed,
       sends_unclear, sends_cancelled, syncs_succeeded, syncs_failed, webhooks_missed, webhooks_missed_in_downtime, counted_at)
     select id, current_date - n, tenant_id, 3, 2, 1, 0, 3, 1, 0, '{60}', 0, 0, 0, 0, 0, 0, 0, 0, now()
     from accounts, generate_series(0, 99) n where tenant_id = $1`,
    [tenant],
  );
  await client.query(
    `insert into conversation_days (conversation_id, day, is_kept, tenant_id, account_id, incoming, outgoing, unknown, deleted,
       live, sends_sent, sends_failed, sends_unclear, sends_cancelled)
     select (select min(c.id::text)::uuid from conversations c where c.account_id = a.id), current_date - n, false, tenant_id,
       id, 2, 1, 0, 0, 3, 0, 0, 0, 0
     from accounts a, generate_series(0, 99) n where tenant_id = $1`,
    [tenant],
  );
}

/** An index of words gives the places of all matches at once, which cost little. */
const expectFrugal = (plans: readonly Explained[], rows: number): void =>
  expect({
    greedy: greedy(plans, rows).filter((text) => !text.startsWith('Bitmap Index Scan')),
    scans: scans(plans, tables),
  }).toEqual({ greedy: [], scans: [] });

describe.each(planServers)(
  `PostgreSQL %s with two tenants of ${size.conversations} conversations and ${size.messages} messages`,
  (_name, bin) => {
    let api: TestApi;
    let reader: ApiClient;
    let server: PlanServer;
    beforeAll(async () => {
      server = await startPlanServer(bin);
      api = await startTestApi();
      reader = await api.clientOf('reader');
      await api.clientOf('other');
      const tenants = await api.context.db.system((em) =>
        Promise.all(['reader', 'other'].map((name) => em.findOneOrFail(Tenant, { name }))),
      );
      await explainAll(api, async (client) => {
        for (const [n, { id }] of tenants.entries()) {
          await addInbox(client, id, n + 1, size);
          await addDeliveries(client, id, n + 1, size.messages);
          await addDays(client, id);
        }
        await client.query('vacuum analyze');
      });
    }, 900_000);
    afterAll(async () => {
      await api?.stop();
      await server?.stop();
    });

    const a = inboxId(1, 'a', 2);

    it.each<string[]>([
      ['the conversation list', 'conversations?limit=50'],
      ['its next page', 'conversations?limit=50', 'cursor'],
      ['the list of an account', `conversations?account=${a}`],
      ['unread ones', 'conversations?unread=true'],
      ['unread ones of an account', `conversations?account=${a}&unread=true`],
      ['archived ones', 'conversations?archived=true'],
      ['those of a channel with few accounts', 'conversations?channel=linkedin'],
      ['those of a channel with many', 'conversations?channel=whatsapp'],
      ['those with a label', 'conversations?label=vip'],
      ['those with a label that none has', 'conversations?label=none'],
      ['those of an attendee', `conversations?attendee=${inboxId(1, 'b', 700)}`],
      ['one conversation', `conversations/${inboxId(1, 'd', 70)}`],
      ['a thread', `conversations/${inboxId(1, 'd', 70)}/messages`],
      ['its next page', `conversations/${inboxId(1, 'd', 70)}/messages?limit=2`, 'cursor'],
      ['a thread of a time', `conversations/${inboxId(1, 'd', 70)}/messages?after=2026-01-01T00:00:00Z`],
      ['messages of all', 'messages?limit=50'],
      ['messages of an account', `messages?account=${a}`],
      ['one message', `messages/${inboxId(1, 'e', 700)}`],
      ['changed messages', 'messages?updated_since=2020-01-01T00:00:00Z'],
      ['their next page', 'messages?updated_since=2020-01-01T00:00:00Z', 'cursor'],
      ['changed messages of an account', `messages?updated_since=2020-01-01T00:00:00Z&account=${a}`],
      ['changed conversations', 'conversations?updated_since=2020-01-01T00:00:00Z'],
      ['changed ones of a channel', 'conversations?updated_since=2020-01-01T00:00:00Z&channel=linkedin&unread=true'],
      ['changed contacts', 'contacts?updated_since=2020-01-01T00:00:00Z'],
      ['changed contacts of an account', `contacts?updated_since=2020-01-01T00:00:00Z&account=${a}`],
      ['attendees', 'attendees'],
      ['attendees of an account', `attendees?account=${a}`],
      ['attendees of a conversation', `attendees?conversation=${inboxId(1, 'd', 70)}`],
      ['events', 'events?limit=200'],
      ['events after a place', 'events?after=000000000001-000000000001&limit=200'],
      ['events of a type that none has', 'events?types=sync.ended'],
      ['events of an account', `events?account=${a}&types=message.created`],
      ['a search of a rare word', 'search?q=lighthouse'],
      ['a search of a word that none has', 'search?q=nowhere'],
      ['a search of people', 'search?q=15550000700&in=people'],
      ['a search of people that none is', 'search?q=nobody&in=people'],
      ['a search of conversations', 'search?q=nothing&in=conversations'],
      ['deliveries', 'webhook-deliveries'],
      ['their next page', 'webhook-deliveries?limit=50', 'cursor'],
      ['deliveries to an endpoint', `webhook-deliveries?endpoint=${inboxId(1, 'f', 2)}`],
      ['those that wait', 'webhook-deliveries?state=pending'],
      ['dead ones', `webhook-deliveries?state=dead&endpoint=${inboxId(1, 'f', 1)}`],
      ['analytics of a month', 'analytics/daily?by=none&totals=false'],
      ['analytics of an account', `analytics/daily?account=${a}&by=account`],
      ['the next page of analytics', 'analytics/daily?totals=false&limit=20', 'cursor'],
      ['one delivery', `webhook-deliveries/${inboxId(1, 'f', 1_000)}`],
    ])('reads %s by an index', async (...[, path = '', next]) => {
      const get = async (more = ''): Promise<any> => {
        const { status, body } = await reader.get(`/api/v1/${path}${more}`);
        expect({ path, status }).toEqual({ path, status: 200 });
        return body;
      };
      const cursor = next && `${path.includes('?') ? '&' : '?'}cursor=${(await get()).next_cursor}`;
      const plans = await plansOf(() => get(cursor));
      expect(plans.length).toBeGreaterThan(2);
      expectFrugal(plans, most);
    });

    it('counts a changed hour by indexes', async () => {
      const { context } = api;
      await context.db.system((em) =>
        runSql(em, 'update messages set deleted_at = now() where id = ?', [inboxId(1, 'e', 700)]),
      );
      const signal = new AbortController().signal;
      const counting = { now: new Date(), isOver: () => false, signal, beat: () => undefined };
      const plans = await plansOf(async () => {
        const claim = await claimMarked(context, counting);
        expect(await countMarked(context, claim ?? '', counting)).toMatchObject({ accounts: 1, failed: 0 });
      });
      expectFrugal(plans, most);
    });

    it('finds a common word among the newest messages', async () => {
      let found: any;
      const plans = await plansOf(async () => {
        found = (await reader.get('/api/v1/search?q=hello')).body;
      });
      expect(found.items[0].message.text).toContain('hello');
      expectFrugal(plans, mostMatches);
    });
  },
);
