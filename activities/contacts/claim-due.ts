import type { Context } from '@temporalio/activity';
import { z } from 'zod';
import { claimDueAccounts, moveClaims, type DueAccount, type DueColumn } from '../../db/queries/claim-due-accounts.ts';
import { timeOf, type Deps } from '../deps.ts';
import { note } from '../heartbeat.ts';

/** A sweep's time, and the moment at which it began: what becomes due later is the next sweep's. */
export interface SweepRef {
  now: number;
  dueAt?: number;
}

/** Accounts of one activity. */
const chunk = 20;
/** How long a claimed account is left to its claimer, in milliseconds: longer than an activity may take. */
const claimMs = 45 * 60_000;

/** What a try leaves to the next one: whom it has claimed and not done, and until when. */
const noted = z.object({ claimed: z.array(z.uuid()).max(chunk), until: z.iso.datetime() });

/** The due accounts that one try of an activity has in hand. */
export interface Claims {
  accounts: readonly DueAccount[];
  /** Until when they are its own. */
  until: Date;
  /** Whether more may be due than it took. */
  isFull: boolean;
  done(id: string): void;
  /** Told to stop: who is not done is due again at once. */
  giveBack(): Promise<void>;
}

/** Claims accounts that are due: first those that a killed try of the same activity had claimed and not done. */
export async function claimDue(deps: Deps, ref: SweepRef, column: DueColumn, context: Context): Promise<Claims> {
  const now = timeOf(deps, ref);
  const until = new Date(now.getTime() + claimMs);
  const dueAt = new Date(Math.min(ref.dueAt ?? ref.now, now.getTime()));
  const { data: before } = noted.safeParse(context.info.heartbeatDetails);
  const left = new Set<string>();
  const noteLeft = (): void => note(context, { claimed: [...left], until: until.toISOString() });
  const accounts = await deps.db.system(async (em) => {
    const held = before ? await moveClaims(em, column, before.claimed, new Date(before.until), until) : [];
    const more = await claimDueAccounts(em, column, dueAt, until, chunk - held.length);
    const all = [...held, ...more];
    for (const { id } of all) left.add(id);
    // Before the claims are committed: whoever dies in between leaves none that nobody knows of.
    noteLeft();
    return all;
  });
  return {
    accounts,
    until,
    isFull: accounts.length === chunk,
    done: (id) => {
      left.delete(id);
      noteLeft();
    },
    giveBack: async () => {
      await deps.db.system((em) => moveClaims(em, column, [...left], until, dueAt));
    },
  };
}
