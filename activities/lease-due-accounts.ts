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

/** The workflow's time and its sweep's start: accounts that are due later belong to the next sweep. */
export interface SweepRef {
  now: number;
  dueAt?: number;
  /** Others work at the same time. The sweep's first activity works alone: it leaves a full lease to the many after it. */
  isOneOfMany?: boolean;
}

const chunk = 20;
/** Longer than an activity may take. */
const leaseMs = 45 * 60_000;

/** Saved for the next try: the accounts leased and not finished, and until when. */
const saved = z.object({ leased: z.array(z.uuid()).max(chunk), until: z.iso.datetime() });

export interface Leases {
  accounts: readonly DueAccount[];
  until: Date;
  /** More accounts may be due than were leased. */
  isFull: boolean;
  done(id: string): void;
  /** Makes an account due again at that time, in place of its lease's end. */
  again(id: string, at: Date): Promise<void>;
  /** Makes unfinished accounts due again at once. */
  release(): Promise<void>;
}

/** Leases due accounts; first the unfinished leases of an earlier try of the same activity. */
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
    const renewed = before ? await moveLeases(em, column, before.leased, new Date(before.until), until) : [];
    const more = await leaseAccounts(em, column, dueAt, until, chunk - renewed.length);
    const all = [...renewed, ...more];
    for (const { id } of all) open.add(id);
    // Before the commit: the next try must know every lease of a worker that dies in between.
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
    again: async (id, at) => {
      await context.db.system((em) => moveLeases(em, column, [id], until, at));
    },
    release: async () => {
      await context.db.system((em) => moveLeases(em, column, [...open], until, dueAt));
    },
  };
}
