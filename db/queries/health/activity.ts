import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** When something of an account came in and went out last. Null: never, or not among its newest messages. */
export interface Activity {
  /** A webhook of any kind. */
  lastWebhookAt: Date | null;
  lastMessageInAt: Date | null;
  lastMessageOutAt: Date | null;
}

/** The newest messages among which the last one of each direction is looked for. */
const newest = 500;

/** `since`: the oldest webhook event that counts. */
export async function activityOf(em: Em, accountId: string, since: Date): Promise<Activity> {
  const [last] = await rows<Record<'webhook' | 'messageIn' | 'messageOut', string | null>>(
    em,
    sql`with newest as materialized (
          select direction, status, event, sent_at from messages where account_id = ${accountId}::uuid
          order by sent_at desc, id desc limit ${newest})
        select
          (select received_at::text from webhook_events
           where account_id = ${accountId}::uuid and received_at > ${since} order by id desc limit 1) as webhook,
          (select max(sent_at)::text from newest where direction = 'in' and event is null) as "messageIn",
          (select max(sent_at)::text from newest
           where direction = 'out' and event is null and status in ('sent', 'delivered', 'read', 'played')) as "messageOut"`,
  );
  return {
    lastWebhookAt: dateOf(last?.webhook),
    lastMessageInAt: dateOf(last?.messageIn),
    lastMessageOutAt: dateOf(last?.messageOut),
  };
}

const dateOf = (text: string | null | undefined): Date | null => (text ? new Date(text) : null);
