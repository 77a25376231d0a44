import type { Context as ActivityContext } from '@temporalio/activity';
import { z } from 'zod';
import {
  leaseAccounts,
  moveLeases,
  type DueAccount,
  type DueColumn,
} from '../db/queries/accounts/lease-due-accounts.ts';
import { timeOf, type Context } from '../services/context.ts';
import { saveProgress } from './heartbeat.ts';

/** The workflow's time, and the time at which its sweep began: accounts that are due later belong to the next sweep. */
export interface SweepRef {
  now: number;
  dueAt?: number;
}

/** Accounts that one activity leases. */
const chunk = 20;
/** How long a lease is, in milliseconds: longer than an activity may take. */
const leaseMs = 45 * 60_000;

/** What a try saves for the next one: the accounts it leased and has not finished, and until when. */
const saved = z.object({ leased: z.array(z.uuid()).max(chunk), until: z.iso.datetime() });

/** The accounts that one try of an activity leased. */
export interface Leases {
  accounts: readonly DueAccount[];
  until: Date;
  /** Whether more may be due than were leased. */
  isFull: boolean;
  done(id: string): void;
  /** Makes the accounts that are not done due again at once. */
  release(): Promise<void>;
}

/** Leases accounts that are due; first those that an earlier try of the same activity had leased and not finished. */
export async function leaseDueAccounts(
  context: Context,
  ref: SweepRef,
  column: DueColumn,
  activity: ActivityContext,
): Promise<Leases> {
  const now = timeOf(context, ref);
  const until = new Date(now.getTime() + leaseMs);
  const dueAt = new Date(Math.min(ref.dueAt ?? ref.now, now.getTime()));
  const { data: before } = saved.safeParse(activity.info.heartbeatDetails);
  const open = new Set<string>();
  const save = (): void => saveProgress(activity, { leased: [...open], until: until.toISOString() });
  const accounts = await context.db.system(async (em) => {
    const held = before ? await moveLeases(em, column, before.leased, new Date(before.until), until) : [];
    const more = await leaseAccounts(em, column, dueAt, until, chunk - held.length);
    const all = [...held, ...more];
    for (const { id } of all) open.add(id);
    // Before the commit: a worker that dies in between leaves no lease that the next try does not know.
    save();
    return all;
  });
  return {
    accounts,
    until,
    isFull: accounts.length === chunk,
    done: (id) => {
      open.delete(id);
      save();
    },
    release: async () => {
      await context.db.system((em) => moveLeases(em, column, [...open], until, dueAt));
    },
  };
}
