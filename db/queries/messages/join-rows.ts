import type { Em } from '../../connect.ts';
import { recordset, rows, sql, type Sql } from '../../sql.ts';
import type { ChangedField } from '../../../domain/conversations.ts';
import { joinFigures } from '../analytics/count-days.ts';
import { isOwnAttachment } from '../sends/own-attachments.ts';

/** A row that turned out to be of what another row is of. */
export interface Joining {
  loser: string;
  survivor: string;
}

const joining = sql`(loser uuid, survivor uuid)`;

/** Keys that no fact named this time go over too: those of a deleted row would be deleted with it. */
const moveKeys = async (em: Em, joins: readonly Joining[]): Promise<void> => {
  await rows(
    em,
    sql`update provider_keys k set target_id = g.survivor from ${recordset(joins, joining)} as g
      where k.target_id = g.loser`,
  );
};

/** Gives all that messages have to the messages that they are, and deletes them. Their contents were merged before. */
export async function joinMessages(em: Em, joins: readonly Joining[]): Promise<void> {
  if (!joins.length) return;
  await moveKeys(em, joins);
  await rows(
    em,
    sql`with g as (select * from ${recordset(joins, joining)} as g),
      r as (
        insert into message_receipts (message_id, attendee_id, tenant_id, status, at)
        select g.survivor, o.attendee_id, o.tenant_id, o.status, o.at from message_receipts o join g on g.loser = o.message_id
        on conflict do nothing)
      update attachments a set message_id = g.survivor from g
      where a.message_id = g.loser
        and not exists (select from attachments o where o.message_id = g.survivor and o.key = a.key)`,
  );
  await rows(
    em,
    sql`delete from attachments a using ${recordset(joins, joining)} as g
        where a.message_id = g.survivor and not ${isOwnAttachment('a')}
          and exists (select from attachments o where o.message_id = g.survivor and ${isOwnAttachment('o')})`,
  );
  await rows(em, sql`delete from messages where id = any(${joins.map(({ loser }) => loser)}::uuid[])`);
}

/** Gives the messages and attendees of conversations to the conversations that they are, and deletes them. */
export async function joinConversations(em: Em, joins: readonly Joining[]): Promise<void> {
  if (!joins.length) return;
  await moveKeys(em, joins);
  await rows(
    em,
    sql`with g as (select * from ${recordset(joins, joining)} as g),
      p as (
        insert into conversation_attendees as c (conversation_id, attendee_id, tenant_id, member_at)
        select g.survivor, o.attendee_id, o.tenant_id, max(o.member_at)
        from conversation_attendees o join g on g.loser = o.conversation_id group by 1, 2, 3
        on conflict (conversation_id, attendee_id) do update set member_at = greatest(c.member_at, excluded.member_at)),
      d as (
        insert into conversation_departures as c (conversation_id, attendee_id, tenant_id, left_at)
        select g.survivor, o.attendee_id, o.tenant_id, max(o.left_at)
        from conversation_departures o join g on g.loser = o.conversation_id group by 1, 2, 3
        on conflict (conversation_id, attendee_id) do update set left_at = greatest(c.left_at, excluded.left_at))
      update messages m set conversation_id = g.survivor from g where m.conversation_id = g.loser`,
  );
  await moveChanges(em, joins);
  await joinFigures(em, recordset(joins, joining));
  await rows(em, sql`delete from conversations where id = any(${joins.map(({ loser }) => loser)}::uuid[])`);
}

/** Of what callers changed of several conversations that are one, the newest counts for each field. */
async function moveChanges(em: Em, joins: readonly Joining[]): Promise<void> {
  const moved = (field: ChangedField, column: string): Sql => sql`coalesce((
    select l.${sql.ref(column)} from newest n join conversations l on l.id = n.loser
    where n.survivor = s.id and n.field = ${field}), s.${sql.ref(column)})`;
  await rows(
    em,
    sql`with g as (select * from ${recordset(joins, joining)} as g),
      newest as (
        select * from (
          select distinct on (g.survivor, o.field) g.survivor, g.loser, o.*
          from g join conversation_changes o on o.conversation_id in (g.loser, g.survivor)
          order by g.survivor, o.field, o.requested_at desc, o.conversation_id) as each
        where conversation_id = loser),
      taken as (
        insert into conversation_changes as c (conversation_id, field, tenant_id, account_id, state, version, provider_had,
          next_try_at, unsure_until, tries, tried_since, reason, detail, requested_at, synced_at)
        select survivor, field, tenant_id, account_id, state, version, provider_had, next_try_at, unsure_until, tries,
          tried_since, reason, detail, requested_at, synced_at
        from newest
        on conflict (conversation_id, field) do update set state = excluded.state, version = c.version + excluded.version,
          provider_had = excluded.provider_had, next_try_at = greatest(excluded.next_try_at, c.unsure_until),
          unsure_until = greatest(excluded.unsure_until, c.unsure_until), tries = excluded.tries,
          tried_since = excluded.tried_since, reason = excluded.reason, detail = excluded.detail,
          requested_at = excluded.requested_at, synced_at = excluded.synced_at)
      update conversations s set archived = ${moved('archived', 'archived')}, pinned = ${moved('pinned', 'pinned')},
        muted = ${moved('muted', 'muted')}, labels = ${moved('labels', 'labels')},
        muted_until = case when exists (select from newest n where n.survivor = s.id and n.field = 'muted')
          then (select l.muted_until from newest n join conversations l on l.id = n.loser
            where n.survivor = s.id and n.field = 'muted') else s.muted_until end,
        marked_unread = ${moved('read', 'marked_unread')}
      where s.id in (select survivor from newest)`,
  );
}

/** Lets attendees stand for the attendees that they are. `merged_into` is never a chain. */
export async function joinAttendees(em: Em, joins: readonly Joining[]): Promise<void> {
  if (!joins.length) return;
  await moveKeys(em, joins);
  await rows(
    em,
    sql`update attendees a set merged_into = g.survivor from ${recordset(joins, joining)} as g
      where a.id = g.loser or a.merged_into = g.loser`,
  );
  await rows(
    em,
    sql`with g as (select * from ${recordset(joins, joining)} as g)
      insert into conversation_departures as c (conversation_id, attendee_id, tenant_id, left_at)
      select o.conversation_id, g.survivor, o.tenant_id, max(o.left_at)
      from conversation_departures o join g on g.loser = o.attendee_id group by 1, 2, 3
      on conflict (conversation_id, attendee_id) do update set left_at = greatest(c.left_at, excluded.left_at)`,
  );
}

/** Counts what is unread, and finds the last message, anew. */
export async function recountConversations(em: Em, ids: readonly string[]): Promise<void> {
  if (!ids.length) return;
  await rows(
    em,
    sql`update conversations c set
        unread_count = (
          select count(*) from messages m
          where m.conversation_id = c.id and m.direction = 'in' and m.is_live and m.deleted_at is null and m.event is null
            and m.sent_at > coalesce(c.read_up_to, '-infinity')),
        (last_message_id, last_message_at) = (
          select m.id, m.sent_at from messages m where m.conversation_id = c.id
          order by m.sent_at desc, m.sort_key desc limit 1)
      where c.id = any(${ids}::uuid[])`,
  );
}
