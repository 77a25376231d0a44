import { Migration } from '@mikro-orm/migrations';

const batch = 5_000;
const first = '00000000-0000-0000-0000-000000000000';

/**
 * When each connected account is checked next; those that are connected now are spread over a day. Batches commit one by
 * one, so that no account is locked for long.
 */
export class CheckDue extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override async up(): Promise<void> {
    await this.execute('alter table accounts add column if not exists check_due_at timestamptz');
    for (let after: string | null = first; after !== null;) after = await this.#fillBatch(after);
    await this.execute('drop index concurrently if exists accounts_check_due');
    await this.execute(`create index concurrently accounts_check_due on accounts (check_due_at)
      where check_due_at is not null and check_requested_at is null`);
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
    update accounts a set check_due_at = now() + random() * interval '1 day' from those
    where a.id = those.id and a.state in ('active', 'degraded', 'reconnect_required') and a.merged_into is null)
select (select id from those order by id desc limit 1) as last`;
