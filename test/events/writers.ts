import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../../db/connect.ts';
import { eventId } from '../../domain/events.ts';
import { runSql } from '../support/run-sql.ts';

/** How much is written. */
export interface WriteSize {
  writers: number;
  transactionsOfWriter: number;
  /** Of one conversation, at most, in one transaction. */
  changesAtOnce: number;
  /** The longest rest before a commit, in milliseconds. */
  restMs: number;
}

const random = (below: number): number => Math.floor(Math.random() * below);

/**
 * Changes conversations, one in each transaction; each change counts its `unread_count` up. Some transactions are rolled
 * back. Answers how many changes were committed.
 */
export async function writeChanges(
  db: Database,
  tenant: string,
  chats: readonly string[],
  { writers, transactionsOfWriter, changesAtOnce, restMs }: WriteSize,
): Promise<number> {
  const rest = (): Promise<unknown> => pause(random(restMs));
  const write = async (): Promise<number> => {
    let committed = 0;
    for (let n = 0; n < transactionsOfWriter; n += 1) {
      const isUndone = random(10) === 0;
      const changes = 1 + random(changesAtOnce);
      const chat = chats[random(chats.length)];
      await db
        .tenant(tenant, async (em) => {
          // Some transactions have their number long before they have the conversation's lock.
          if (random(2)) await em.execute('select pg_current_xact_id()');
          await rest();
          for (let one = 0; one < changes; one += 1)
            await runSql(
              em,
              'update conversations set unread_count = unread_count + 1, pinned = not pinned where id = ?',
              [chat],
            );
          await rest();
          if (isUndone) throw new Error('undone');
        })
        .then(
          () => (committed += changes),
          (error: Error) => {
            if (error.message !== 'undone') throw error;
          },
        );
    }
    return committed;
  };
  const all = await Promise.all(Array.from({ length: writers }, write));
  return all.reduce((sum, one) => sum + one, 0);
}

/** The ids of a tenant's events after a place, in the order of the feed. */
export async function eventIds(db: Database, tenant: string, after: string): Promise<string[]> {
  const rows = await db.tenant(tenant, (em) =>
    runSql<{ stamp: string; seq: string }>(em, 'select stamp, seq from events where tenant_id = ? order by 1, 2', [
      tenant,
    ]),
  );
  return rows.map(({ stamp, seq }) => eventId({ stamp: Number(stamp), seq: Number(seq) })).filter((id) => id > after);
}
