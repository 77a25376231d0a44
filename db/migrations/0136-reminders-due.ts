import { Migration } from '@mikro-orm/migrations';

const batch = 5_000;
const first = '00000000-0000-0000-0000-000000000000';

/**
 * Accounts by when their owners are reminded. Owners that are asked for something now are reminded at different times of the next
 * day. Batches commit one by one, so that no account is locked for long.
 */
export class RemindersDue extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override async up(): Promise<void> {
    for (let after: string | null = first; after !== null;) after = await this.#fillBatch(after);
    await this.execute('drop index concurrently if exists accounts_remind_due');
    await this.execute(`create index concurrently accounts_remind_due on accounts (remind_due_at)
      where remind_due_at is not null`);
  }

  /** In a transaction; the owner passes no policy. */
  #fillBatch(after: string): Promise<string | null> {
    return this.getEntityManager().transactional(async (em) => {
      await em.execute('set local role patchbay_system');
      const [found] = await em.execute<{ last: string | null }[]>(fillBatch, [after, batch]);
      return found?.last ?? null;
    });
  }
}

const fillBatch = `
with those as (select id from accounts where id > ?::uuid order by id limit ?),
  filled as (
    update accounts a set asked_at = a.since, reminded_at = greatest(a.since, now() - interval '1 day'),
      remind_due_at = now() + random() * interval '1 day' from those
    where a.id = those.id and a.who = 'owner' and a.state <> 'connecting' and a.merged_into is null
      and a.asked_at is null)
select (select id from those order by id desc limit 1) as last`;
