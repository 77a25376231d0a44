import type { SendState } from '../../../domain/sends.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

const isOpen = sql`state in ('queued', 'sending', 'unclear')`;
const isScheduled = (now: Date) => sql`state = 'queued' and due_at > ${now}`;

/**
 * Whether no other send has to go before `s`: an earlier one of its conversation that is due, under way or unclear holds the
 * later ones of that conversation, and no others.
 */
const isFirst = (now: Date) => sql`not exists (
  select from (select state, due_at from message_sends
    where conversation_id = s.conversation_id and position < s.position and ${isOpen}) as earlier
  where not coalesce(${isScheduled(now)}, false))`;

/** What holds queued sends: all, or all but answers to people who wrote after `exceptSince`. */
interface Hold {
  until: Date;
  exceptSince: Date | null;
}

/** Whether `s`, which is queued, is held. */
const isHeld = (hold: Hold | null) =>
  hold?.exceptSince
    ? sql`not exists (select from conversations c where c.id = s.conversation_id and c.last_action_at > ${hold.exceptSince})`
    : sql`${hold !== null}`;

/** A send that can be worked on. */
export interface NextSend {
  messageId: string;
  state: SendState;
}

/** The send of an account that is due first, locked. Lost answers are looked for, whatever holds queued sends. */
export async function nextSend(em: Em, accountId: string, now: Date, hold: Hold | null): Promise<NextSend | null> {
  const [found] = await rows<NextSend>(
    em,
    sql`select s.message_id as "messageId", s.state from message_sends s
        where s.account_id = ${accountId} and s.${isOpen} and s.next_try_at <= ${now} and ${isFirst(now)}
          and (s.state <> 'queued' or not ${isHeld(hold)})
        order by s.next_try_at, s.position, s.message_id limit 1 for no key update of s`,
  );
  return found ?? null;
}

/** When one can be worked on next, where none can now; null where none is open. */
export async function nextTryAt(em: Em, accountId: string, now: Date, hold: Hold | null): Promise<Date | null> {
  const [found] = await rows<{ at: string | null }>(
    em,
    sql`select min(case when s.state = 'queued' and ${isHeld(hold)} then greatest(s.next_try_at, ${hold?.until ?? null}::timestamptz)
            else s.next_try_at end)::text as at from message_sends s
        where s.account_id = ${accountId} and s.${isOpen} and (s.next_try_at > ${now} or (s.state = 'queued' and ${isHeld(hold)}))
          and ((s.state = 'queued' and s.due_at > ${now}) or ${isFirst(now)})`,
  );
  return found?.at ? new Date(found.at) : null;
}
