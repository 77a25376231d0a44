import type { Em } from '../../connect.ts';
import type { HoldReason } from '../../../domain/sends.ts';
import type { SendQueue } from '../../entities/sends.ts';
import { rows, sql } from '../../sql.ts';

/** A queue's row as it is locked. */
export interface LockedQueue {
  lease: string | null;
  leaseUntil: Date | null;
  sleeps: boolean;
  holdsUntil: Date | null;
  holdsFor: SendQueue['holdsFor'];
}

/** The lease of a queue whose workflow is being started. */
export const starting = 'starting';

const columns = sql`lease, lease_until::text as "leaseUntil", sleeps, holds_until::text as "holdsUntil",
  holds_for as "holdsFor"`;
type Row = Record<'lease' | 'leaseUntil' | 'holdsUntil', string | null> & Pick<SendQueue, 'sleeps' | 'holdsFor'>;
const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));
const queueOf = ({ leaseUntil, holdsUntil, ...row }: Row): LockedQueue => ({
  ...row,
  leaseUntil: dateOf(leaseUntil),
  holdsUntil: dateOf(holdsUntil),
});

/**
 * Locks the queue of an account until the end of the transaction; makes it where there is none. Every transaction that locks
 * a queue does so before it locks sends, messages or conversations: so none waits for another in a circle.
 */
export async function openQueue(em: Em, account: { id: string; tenantId: string }): Promise<LockedQueue> {
  const [row] = await rows<Row>(
    em,
    sql`insert into send_queues (account_id, tenant_id, sleeps) values (${account.id}, ${account.tenantId}, false)
        on conflict (account_id) do update set account_id = excluded.account_id returning ${columns}`,
  );
  if (!row) throw new Error('A queue was neither made nor found.');
  return queueOf(row);
}

/** The same where it exists already. */
export async function lockQueue(em: Em, accountId: string): Promise<LockedQueue | null> {
  const [row] = await rows<Row>(
    em,
    sql`select ${columns} from send_queues where account_id = ${accountId} for no key update`,
  );
  return row ? queueOf(row) : null;
}

/** Writes what changed of a locked queue. */
export async function saveQueue(
  em: Em,
  accountId: string,
  { lease, leaseUntil, sleeps, wakeAt }: Pick<SendQueue, 'lease' | 'leaseUntil' | 'sleeps' | 'wakeAt'>,
): Promise<void> {
  await rows(
    em,
    sql`update send_queues set lease = ${lease}, lease_until = ${leaseUntil}, sleeps = ${sleeps}, wake_at = ${wakeAt}
        where account_id = ${accountId}`,
  );
}

/** What is looked up anew for each message, so that other holds may take its place in the queue's row. */
const lookedUp = sql`('stopped', 'paused', 'quiet_hours')`;

/** Nothing of the account is sent until then. */
export async function holdQueue(em: Em, accountId: string, until: Date, reason: HoldReason): Promise<void> {
  await rows(
    em,
    sql`update send_queues set holds_until = ${until}, holds_for = ${reason}
        where account_id = ${accountId}
          and (holds_until is null or holds_until < ${until} or holds_for in ${lookedUp})`,
  );
}

/** Nothing that is looked up anew holds the account any more. */
export async function releaseQueue(em: Em, accountId: string): Promise<void> {
  await rows(
    em,
    sql`update send_queues set holds_until = null, holds_for = null
        where account_id = ${accountId} and holds_for in ${lookedUp}`,
  );
}

/** Prolongs the lease of a worker that waits for the provider. */
export async function keepQueue(em: Em, accountId: string, lease: string, until: Date): Promise<void> {
  await rows(
    em,
    sql`update send_queues set lease_until = ${until} where account_id = ${accountId} and lease = ${lease}`,
  );
}

/** How long a queue whose workflow is being started is not started once more, in milliseconds. */
const startingMs = 15_000;

/**
 * Wakes a locked queue for a send that is due at `dueAt`; answers whether its workflow must be started or signalled. Not where
 * one works on it, or where nothing of the account can go before it works on it anyway. `isReply`: it passes quiet hours.
 */
export async function wakeQueue(
  em: Em,
  accountId: string,
  queue: LockedQueue,
  dueAt: Date,
  now: Date,
  isReply = false,
): Promise<boolean> {
  const works = !queue.sleeps && queue.lease !== null && queue.leaseUntil !== null && queue.leaseUntil > now;
  const held = queue.holdsUntil !== null && queue.holdsUntil > now && !(isReply && queue.holdsFor === 'quiet_hours');
  if (works || held || dueAt > now) return false;
  const leaseUntil = new Date(now.getTime() + startingMs);
  await saveQueue(em, accountId, { lease: starting, leaseUntil, sleeps: false, wakeAt: null });
  return true;
}

/** Lets an account send by its new limits at once. */
export async function forgetBudget(em: Em, accountId: string): Promise<void> {
  await rows(
    em,
    sql`update send_queues set holds_until = null, holds_for = null
        where account_id = ${accountId} and holds_for = 'budget'`,
  );
}
