import type { SendState } from '../../../domain/sends.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** What changes of a send. */
export interface SendChange {
  state: SendState;
  position?: number;
  dueAt?: Date | null;
  createdAt?: Date;
  nextTryAt?: Date;
  sentMarkAt?: Date | null;
  callEndedAt?: Date | null;
  tries?: number;
  looks?: number;
  reason?: string | null;
  detail?: string | null;
  endedAt?: Date | null;
}

const columns = {
  state: 'text',
  position: 'int',
  dueAt: 'timestamptz',
  createdAt: 'timestamptz',
  nextTryAt: 'timestamptz',
  sentMarkAt: 'timestamptz',
  callEndedAt: 'timestamptz',
  tries: 'int',
  looks: 'int',
  reason: 'text',
  detail: 'text',
  endedAt: 'timestamptz',
} as const;
const columnOf = (name: string): string => name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);

/** Moves a send that is in one of these states; false where it is not. */
export async function moveSend(
  em: Em,
  messageId: string,
  from: readonly SendState[],
  change: SendChange,
): Promise<boolean> {
  const set = Object.entries(columns).flatMap(([name, type]) => {
    const value = change[name as keyof SendChange];
    return value === undefined
      ? []
      : [sql`${sql.ref(columnOf(name))} = ${value instanceof Date ? value.toISOString() : value}::${sql.raw(type)}`];
  });
  const moved = await rows(
    em,
    sql`update message_sends set ${sql.join(set)}
        where message_id = ${messageId} and state = any(${[...from]}::text[]) returning message_id`,
  );
  return moved.length > 0;
}

/** Ends what waits to be sent on an account, and tells which messages that were. What is under way stays. */
export async function endQueuedSends(em: Em, accountId: string, reason: string, now: Date): Promise<string[]> {
  const ended = await rows<{ id: string }>(
    em,
    sql`with ended as (
          update message_sends set state = 'cancelled', reason = ${reason}, ended_at = ${now}
          where account_id = ${accountId} and state = 'queued' returning message_id)
        update messages m set status = 'failed', updated_at = ${now} from ended
        where m.id = ended.message_id and m.status in ('queued', 'sending', 'unclear') returning m.id`,
  );
  return ended.map(({ id }) => id);
}

/** Leaves to a person what may have been sent on an account that can no longer be asked. */
export async function endUndecidable(em: Em, accountId: string, now: Date): Promise<void> {
  await rows(
    em,
    sql`with undecidable as (
          update message_sends set state = 'unclear', reason = 'outcome_unknown', next_try_at = '9999-01-01'
          where account_id = ${accountId} and state = 'sending' returning message_id)
        update messages m set status = 'unclear', updated_at = ${now} from undecidable
        where m.id = undecidable.message_id and m.status in ('queued', 'sending')`,
  );
}
