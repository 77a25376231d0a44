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

/** A sweep's time, and the moment at which it began: what becomes due later is the next sweep's. */
export interface SweepRef {
  now: number;
  dueAt?: number;
}

/** Accounts of one activity. */
const chunk = 20;
/** How long a leased account is left to its worker, in milliseconds: longer than an activity may take. */
const leaseMs = 45 * 60_000;

/** What a try leaves to the next one: the accounts it leased and has not finished, and until when. */
const saved = z.object({ leased: z.array(z.uuid()).max(chunk), until: z.iso.datetime() });

/** The due accounts that one try of an activity works on. */
export interface Leases {
  accounts: readonly DueAccount[];
  until: Date;
  /** Whether more may be due than were leased. */
  isFull: boolean;
  done(id: string): void;
  /** After a cancellation: accounts that are not done are due again at once. */
  release(): Promise<void>;
}

/** Leases accounts that are due: first those that a killed try of the same activity had leased and not finished. */
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
    // Before the leases are committed: a worker that dies in between leaves no lease that its next try does not know.
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
