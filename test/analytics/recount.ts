import type { Database } from '../../db/connect.ts';
import { runSql } from '../support/run-sql.ts';

/** Figures of an account and day, as `account_days` has them. */
export interface DayFigures {
  messages_total: number;
  messages_incoming: number;
  messages_outgoing: number;
  messages_deleted: number;
  messages_live: number;
  conversations: number;
  conversations_unanswered: number;
  response_seconds: number[];
  sends_sent: number;
  sends_failed: number;
  sends_unclear: number;
  sends_cancelled: number;
}

interface MessageRow {
  account_id: string;
  conversation_id: string;
  direction: 'in' | 'out' | null;
  status: string;
  /** Milliseconds since the epoch. */
  at: number;
  is_deleted: boolean;
  is_live: boolean;
  send: string | null;
}

const out = new Set(['sent', 'delivered', 'read', 'played']);
const nothing = (): DayFigures => ({
  messages_total: 0,
  messages_incoming: 0,
  messages_outgoing: 0,
  messages_deleted: 0,
  messages_live: 0,
  conversations: 0,
  conversations_unanswered: 0,
  response_seconds: [],
  sends_sent: 0,
  sends_failed: 0,
  sends_unclear: 0,
  sends_cancelled: 0,
});

/** Counts a tenant from all its messages, in code of its own, by `account date`. Messages have whole seconds. */
export async function recount(db: Database, tenantId: string): Promise<Record<string, DayFigures>> {
  const [tenant] = await db.system((em) =>
    runSql<{ time_zone: string }>(em, 'select time_zone from tenants where id = ?', [tenantId]),
  );
  const messages = await db.system((em) =>
    runSql<MessageRow>(
      em,
      `select m.account_id, m.conversation_id, m.direction, m.status, (extract(epoch from m.sent_at) * 1000)::float8 as at,
         m.deleted_at is not null as is_deleted, m.is_live and m.told_by <> 'us' as is_live, s.state as send
       from messages m left join message_sends s on s.message_id = m.id where m.tenant_id = ? and m.event is null`,
      [tenantId],
    ),
  );
  const zone = { timeZone: tenant?.time_zone ?? 'UTC', year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  const date = new Intl.DateTimeFormat('en-CA', zone);
  const days: Record<string, DayFigures> = {};
  const firsts = new Map<string, { day: DayFigures; conversation: string; at: number }>();
  const active = new Set<string>();
  const answers = new Map<string, number[]>();
  for (const one of messages) {
    const key = `${one.account_id} ${date.format(one.at)}`;
    const day = (days[key] ??= nothing());
    if (one.is_live) day.messages_live += 1;
    if (one.send === 'sent') day.sends_sent += 1;
    if (one.send === 'failed') day.sends_failed += 1;
    if (one.send === 'unclear') day.sends_unclear += 1;
    if (one.send === 'cancelled') day.sends_cancelled += 1;
    if (one.is_deleted) {
      day.messages_deleted += 1;
      continue;
    }
    const wentOut = one.direction === 'out' && out.has(one.status);
    if (one.direction === 'out' && !wentOut) continue;
    day.messages_total += 1;
    if (one.direction === 'in') day.messages_incoming += 1;
    if (wentOut) {
      day.messages_outgoing += 1;
      answers.set(one.conversation_id, [...(answers.get(one.conversation_id) ?? []), one.at]);
    }
    const place = `${key} ${one.conversation_id}`;
    if (!active.has(place)) day.conversations += 1;
    active.add(place);
    if (one.direction !== 'in') continue;
    const first = firsts.get(place);
    if (!first || one.at < first.at) firsts.set(place, { day, conversation: one.conversation_id, at: one.at });
  }
  for (const { day, conversation, at } of firsts.values()) {
    const answered = Math.min(...(answers.get(conversation) ?? []).filter((answer) => answer > at));
    if (Number.isFinite(answered)) day.response_seconds.push((answered - at) / 1_000);
    else day.conversations_unanswered += 1;
  }
  for (const [key, day] of Object.entries(days)) {
    day.response_seconds.sort((a, b) => a - b);
    const { messages_live: _live, response_seconds: _seconds, ...counts } = day;
    if (Object.values(counts).every((count) => count === 0)) delete days[key];
  }
  return days;
}

/** What is stored, of the same columns. Days that only syncs made are left out. */
export async function storedDays(db: Database, tenantId: string): Promise<Record<string, DayFigures>> {
  const columns = Object.keys(nothing()).join(', ');
  const rows = await db.system((em) =>
    runSql<DayFigures & { account_id: string; day: string }>(
      em,
      `select account_id, day::text, ${columns} from account_days
       where tenant_id = ? and messages_total + messages_deleted + sends_sent + sends_failed + sends_unclear
         + sends_cancelled > 0`,
      [tenantId],
    ),
  );
  return Object.fromEntries(rows.map(({ account_id: account, day, ...figures }) => [`${account} ${day}`, figures]));
}
