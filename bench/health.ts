import type pg from 'pg';
import type { Report } from '../dev/parts/progress.ts';
import { addCrowd } from './crowd.ts';
import { p95 } from './p95.ts';
import { atMost, type Row } from './row.ts';
import { startBenchStack } from './stack.ts';

/** The most milliseconds that an answer may take. */
const goalMs = 100;
/** Messages and webhook events of the busiest account, over four weeks. */
const busy = { messages: 60_000, events: 30_000 };
/** The busiest account, and one like all others. */
const [busiest, usual] = [1, 77].map((n) => `0b000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`);

/** An outage: of ten accounts one needs its owner and one is degraded, a fifth is due, a hundred are silent. */
const outage = [
  `update accounts set state = 'reconnect_required', who = 'owner', reason = 'login_lost',
     since = now() - random() * interval '20 days' where right(provider_account_id, 1) = '3'`,
  `update accounts set state = 'degraded', reason = 'provider_unavailable', since = now() - random() * interval '1 hour'
   where right(provider_account_id, 1) = '7'`,
  `update accounts set contacts_due_at = now() - random() * interval '1 day' where right(provider_account_id, 1) in ('1', '2')`,
  `delete from account_counts`,
  `insert into account_counts (tenant_id, provider, channel, state, reason, who, accounts)
   select tenant_id, provider, channel, state, reason, who, count(*) from accounts where merged_into is null
   group by tenant_id, provider, channel, state, reason, who`,
  `insert into account_visits (account_id, tenant_id, credentials_id, due_at, last_event_at, usual_gap_seconds, gaps, silent_since)
   select id, tenant_id, credentials_id, now() + (random() - 0.2) * interval '5 minutes', now(), 3600, 50,
     case when right(provider_account_id, 3) = '000' then now() - interval '1 day' end
   from accounts on conflict (account_id) do nothing`,
];

/** The busiest account's messages, events, sends and days. */
const traffic = [
  `insert into messages (id, tenant_id, account_id, conversation_id, provider_message_id, sort_key, direction, sender_id,
     text, versions, status, sent_at, sent_at_known, deletion_confirmed, told_by, is_live, reactions, created_at, updated_at)
   select gen_random_uuid(), m.tenant_id, m.account_id, m.conversation_id, 'busy-' || n, 'busy-' || n,
     case when n % 3 = 0 then 'out' else 'in' end, m.sender_id, 'message number ' || n, '[]', 'delivered',
     now() - n * interval '40 seconds', true, false, 'webhook', true, '[]', now(), now()
   from (select * from messages where account_id = '${busiest}' limit 1) m, generate_series(1, ${busy.messages}) n`,
  `insert into webhook_events (id, request_id, position, tenant_id, credentials_id, provider, account_id,
     provider_account_id, kind, type, dedupe_key, state, deliveries, owes_signal, received_at, processed_at)
   select (lpad(to_hex((extract(epoch from now() - n * interval '80 seconds') * 1000)::bigint), 12, '0')
       || substr(md5('busy' || n), 13))::uuid, gen_random_uuid(), 0, e.tenant_id, e.credentials_id, e.provider,
     e.account_id, e.provider_account_id, 'message', 'message_received', 'busy-' || n, 'processed', 1, false,
     now() - n * interval '80 seconds', now()
   from (select * from webhook_events where account_id = '${busiest}' limit 1) e, generate_series(1, ${busy.events}) n`,
  `insert into send_calls (id, tenant_id, account_id, at)
   select gen_random_uuid(), a.tenant_id, a.id, now() - n * interval '40 seconds'
   from accounts a, generate_series(1, 2000) n where a.id = '${busiest}'`,
];

async function fill(admin: pg.Client, accounts: number): Promise<void> {
  const { rows } = await admin.query<{ id: string }>('select id from tenants limit 1');
  await addCrowd(admin, rows[0]?.id ?? '', { accounts, events: accounts * 5 });
  await admin.query("begin; set local session_replication_role = 'replica'; set local synchronous_commit = off");
  await admin.query(
    "select ensure_partitions(array['webhook_requests', 'webhook_events', 'webhook_subjects', 'events'], now() - interval '30 days', 31)",
  );
  for (const statement of [...outage, ...traffic]) await admin.query(statement);
  await admin.query('commit');
  await admin.query('vacuum (analyze)');
}

/** How long the health of a fleet and of an account takes, with `accounts` accounts (100,000 by default) in an outage. */
export async function health({ accounts }: { accounts: number }, report: Report, signal: AbortSignal): Promise<Row[]> {
  // Nothing is to be done to the accounts meanwhile: their logins are no provider's.
  const stack = await startBenchStack({ RATE_LIMIT_PER_MINUTE: '1000000' }, report, signal);
  try {
    process.kill(stack.describe().pids.worker ?? 0, 'SIGSTOP');
    await fill(stack.admin, accounts);
    report(`${accounts} accounts are there`);
    const first = await stack.api<{ next_cursor: string }>('GET', '/health/accounts?limit=200');
    const asked: Readonly<Record<string, string>> = {
      "a tenant's fleet": '/health/accounts',
      'its next page': `/health/accounts?limit=200&cursor=${first.next_cursor}`,
      'the installation': '/health/accounts?scope=installation',
      'accounts that need the operator': '/health/accounts?scope=installation&who=operator',
      'an account': `/accounts/${usual}/health`,
      'the busiest account, a week': `/accounts/${busiest}/health`,
      'the busiest account, a month': `/accounts/${busiest}/health?days=31`,
    };
    const rows: Row[] = [];
    for (const [name, path] of Object.entries(asked)) {
      const ms = await p95(stack, () => path, signal);
      report(`health of ${name}: ${Math.round(ms)} ms`);
      rows.push(atMost(`health of ${name} at ${accounts} accounts: p95 ms`, ms, '', goalMs));
    }
    return rows;
  } finally {
    process.kill(stack.describe().pids.worker ?? 0, 'SIGCONT');
    await stack.stop();
  }
}
