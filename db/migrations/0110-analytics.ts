import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** Figures by account and day, and marks on the hours of which they must be counted again. */
export class Analytics extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['analytics_marks', 'conversation_days', 'account_days']) this.addSql(rowSecurity(table));
    this.addSql(indexes);
    this.addSql(marking);
    this.addSql(ofMessages);
    this.addSql(ofOthers);
    this.addSql(views);
    // What was stored before is counted by the first run. Row-level security shows the owner no rows.
    this.addSql(`set local role patchbay_system;
      insert into analytics_marks (tenant_id, account_id, hour, marked_at)
      select tenant_id, id, '-infinity', now() from accounts;
      reset role;`);
  }
}

// Marks have no key: of a unique index, writers of one hour would wait for each other until they commit.
const tables = `
create table analytics_marks (
  tenant_id uuid not null,
  account_id uuid not null,
  hour timestamptz not null,
  marked_at timestamptz not null,
  claim uuid
);
create table conversation_days (
  conversation_id uuid not null,
  day date not null,
  is_kept boolean not null,
  tenant_id uuid not null,
  account_id uuid not null references accounts on delete cascade,
  incoming int not null,
  outgoing int not null,
  unknown int not null,
  deleted int not null,
  live int not null,
  sends_sent int not null,
  sends_failed int not null,
  sends_unclear int not null,
  sends_cancelled int not null,
  first_incoming_at timestamptz,
  answered_at timestamptz,
  primary key (conversation_id, day, is_kept)
);
create table account_days (
  account_id uuid not null references accounts on delete cascade,
  day date not null,
  tenant_id uuid not null,
  messages_total int not null,
  messages_incoming int not null,
  messages_outgoing int not null,
  messages_deleted int not null,
  messages_live int not null,
  conversations int not null,
  conversations_unanswered int not null,
  response_seconds int[] not null,
  sends_sent int not null,
  sends_failed int not null,
  sends_unclear int not null,
  sends_cancelled int not null,
  syncs_succeeded int not null,
  syncs_failed int not null,
  webhooks_missed int not null,
  webhooks_missed_in_downtime int not null,
  counted_at timestamptz not null,
  primary key (account_id, day)
);`;

const indexes = `
create index analytics_marks_new on analytics_marks (account_id, hour) where claim is null;
create index analytics_marks_claimed on analytics_marks (claim, account_id) where claim is not null;
create index analytics_marks_age on analytics_marks (tenant_id, marked_at);
create index conversation_days_account on conversation_days (account_id, day);
create index account_days_tenant on account_days (tenant_id, day);`;

const marking = `
create function hour_of(at timestamptz) returns timestamptz language sql immutable as $$
  select case when isfinite(at) then date_bin('1 hour', at, timestamptz '2000-01-01 00:00:00+00') else at end
$$;`;

/** What counts of a message. A change of anything else, as of its text, changes no figure. */
const counted = (row: string): string =>
  ['conversation_id', 'sent_at', 'direction', 'deleted_at is null', 'event is null', 'is_live', "told_by <> 'us'"]
    .map((part) => `${row}.${part}`)
    .join(', ') + `, ${row}.status in ('sent', 'delivered', 'read', 'played')`;

/**
 * SQL of a function that marks the hours of rows `r`, of which `from` tells tenant, account and time. A mark that is there already
 * is enough: a run that claims it waits for the end of every transaction that may have relied on it
 * (db/queries/analytics/marks.ts). No sequential scan: the plan is made once for a connection, when the table may be empty.
 */
const marks = (name: string, from: string): string => `
create function ${name}() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  insert into analytics_marks (tenant_id, account_id, hour, marked_at)
  select g.tenant_id, g.account_id, g.hour, event_time()
  from (select distinct r.tenant_id, r.account_id, hour_of(r.at) as hour from ${from}) g
  where not exists (
    select from analytics_marks m where m.account_id = g.account_id and m.hour = g.hour and m.claim is null);
  return null;
end $$;`;

const ofMessages = `
${marks('mark_messages_insert', `(select tenant_id, account_id, sent_at as at from new_rows where event is null) r`)}
${marks(
  'mark_messages_update',
  `new_rows n join old_rows o on o.id = n.id
    cross join lateral (values (n.tenant_id, n.account_id, n.sent_at), (o.tenant_id, o.account_id, o.sent_at))
      r (tenant_id, account_id, at)
    where (n.event is null or o.event is null) and (${counted('n')}) is distinct from (${counted('o')})`,
)}
${marks(
  'mark_messages_delete',
  `(select o.tenant_id, o.account_id, o.sent_at as at from old_rows o
      where o.event is null and exists (select from accounts a where a.id = o.account_id)) r`,
)}
create trigger mark_insert after insert on messages referencing new table as new_rows
  for each statement execute function mark_messages_insert();
create trigger mark_update after update on messages referencing old table as old_rows new table as new_rows
  for each statement execute function mark_messages_update();
create trigger mark_delete after delete on messages referencing old table as old_rows
  for each statement execute function mark_messages_delete();`;

/**
 * '-infinity' marks all that an account has, 'infinity' what is kept of conversations that are gone: for both no hours are
 * known. What webhooks missed is noted with the messages, in one transaction: their hours are marked.
 */
const ofOthers = `
${marks(
  'mark_sends',
  `(select n.tenant_id, n.account_id, m.sent_at as at
      from new_rows n join old_rows o on o.message_id = n.message_id join messages m on m.id = n.message_id
      where n.state <> o.state) r`,
)}
create trigger mark_update after update on message_sends referencing old table as old_rows new table as new_rows
  for each statement execute function mark_sends();
${marks(
  'mark_syncs',
  `(select n.tenant_id, n.account_id, n.ended_at as at from new_rows n join old_rows o on o.id = n.id
      where n.ended_at is distinct from o.ended_at and n.ended_at is not null and not n.dry_run) r`,
)}
create trigger mark_update after update on sync_runs referencing old table as old_rows new table as new_rows
  for each statement execute function mark_syncs();
${marks(
  'mark_conversations',
  `(select o.tenant_id, o.account_id, 'infinity'::timestamptz as at from old_rows o
      where exists (select from accounts a where a.id = o.account_id)
        and exists (select from conversation_days d where d.conversation_id = o.id and d.is_kept)) r`,
)}
create trigger mark_delete after delete on conversations referencing old table as old_rows
  for each statement execute function mark_conversations();
${marks(
  'mark_tenants',
  `(select a.tenant_id, a.id as account_id, '-infinity'::timestamptz as at
      from new_rows n join old_rows o on o.id = n.id join accounts a on a.tenant_id = n.id
      where n.time_zone <> o.time_zone) r`,
)}
create trigger mark_update after update on tenants referencing old table as old_rows new table as new_rows
  for each statement execute function mark_tenants();
create function delete_account_marks() returns trigger language plpgsql as $$
begin
  delete from analytics_marks m using gone where m.account_id = gone.id;
  return null;
end $$;
create trigger accounts_marks after delete on accounts referencing old table as gone
  for each statement execute function delete_account_marks();`;

// The owner is the account's own: figures of earlier days follow it.
const views = `
create view daily_analytics with (security_invoker = true) as
select d.day as date, a.channel, a.owner, a.provider, d.account_id, d.tenant_id, d.messages_total, d.messages_incoming,
  d.messages_outgoing, d.messages_deleted, d.conversations, d.conversations_unanswered,
  cardinality(d.response_seconds) as conversations_answered,
  (select percentile_cont(0.5) within group (order by s) from unnest(d.response_seconds) s) as first_response_median_seconds,
  (select percentile_cont(0.9) within group (order by s) from unnest(d.response_seconds) s) as first_response_p90_seconds,
  d.sends_sent, d.sends_failed, d.sends_unclear, d.sends_cancelled, d.syncs_succeeded, d.syncs_failed,
  d.webhooks_missed, d.webhooks_missed_in_downtime,
  case when d.messages_live > 0
    then greatest(0, 1 - (d.webhooks_missed + d.webhooks_missed_in_downtime)::float8 / d.messages_live) end as coverage,
  d.counted_at
from account_days d join accounts a on a.id = d.account_id;
create view daily_analytics_by_owner with (security_invoker = true) as
select d.day as date, a.channel, a.owner, d.tenant_id, count(*) as accounts,
  sum(d.messages_total)::bigint as messages_total, sum(d.messages_incoming)::bigint as messages_incoming,
  sum(d.messages_outgoing)::bigint as messages_outgoing, sum(d.conversations)::bigint as conversations,
  sum(d.conversations_unanswered)::bigint as conversations_unanswered
from account_days d join accounts a on a.id = d.account_id
group by d.day, a.channel, a.owner, d.tenant_id;
grant select on daily_analytics, daily_analytics_by_owner to patchbay_app, patchbay_system, patchbay_operator;`;
