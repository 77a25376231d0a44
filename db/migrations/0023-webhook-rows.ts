import { Migration } from '@mikro-orm/migrations';

type Em = ReturnType<Migration['getEntityManager']>;

/** Each transaction takes well under a second. */
const batch = 5_000;

const first = '00000000-0000-0000-0000-000000000000';

// Each request keeps its event's id: the context of the sealed body names it. Batches commit one by one: a killed run
// continues.
export class WebhookRows extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override async up(): Promise<void> {
    if (!(await this.#oldTables())) return;
    await this.#makePartitions();
    for (let after: string | null = first; after !== null;) after = await this.#moveBatch(after);
    await this.#dropOldTables();
  }

  /** One reference after the other: dropping a table locks all that it refers to, and each waits for the next. */
  async #dropOldTables(): Promise<void> {
    const references = (await this.execute(referencesOfOld)) as { table: string; name: string }[];
    for (const { table, name } of references) await this.execute(`alter table ${table} drop constraint ${name}`);
    await this.execute('drop table webhook_subjects_old, webhook_events_old');
  }

  // A run that was killed at its end has dropped them.
  async #oldTables(): Promise<boolean> {
    const [found] = (await this.execute("select to_regclass('webhook_events_old') is not null as yes")) as {
      yes: boolean;
    }[];
    return found?.yes ?? false;
  }

  /** One day in a transaction: making a partition locks the default ones against readers until it commits. */
  async #makePartitions(): Promise<void> {
    const days = await this.#asSystem((em) => em.execute<{ day: string }[]>(daysOfOld));
    for (const { day } of days)
      await this.#asSystem((em) => em.execute('select ensure_webhook_partitions(?::timestamptz, 0)', [day]));
  }

  #moveBatch(after: string): Promise<string | null> {
    return this.#asSystem(async (em) => {
      const [found] = await em.execute<{ last: string }[]>(lastOfBatch, [after]);
      if (!found) return null;
      await em.execute(moveBatch, [after, found.last]);
      return found.last;
    });
  }

  /** In a transaction; the owner passes no policy. */
  #asSystem<T>(work: (em: Em) => Promise<T>): Promise<T> {
    return this.getEntityManager().transactional(async (em) => {
      await em.execute('set local role patchbay_system');
      return work(em);
    });
  }
}

const referencesOfOld = `
select conrelid::regclass::text as table, conname as name from pg_constraint
where contype = 'f' and conrelid in ('webhook_subjects_old'::regclass, 'webhook_events_old'::regclass)`;

const lastOfBatch = `
select id as last from (select id from webhook_events_old where id > ? order by id limit ${batch}) b
order by id desc limit 1`;

/**
 * The days of the events, but for those that the first maintenance drops: events go 60 days after their bodies, and the
 * oldest body tells how long bodies are kept. Events of those days are moved to the default partition.
 */
const daysOfOld = `
with kept as (
  select coalesce(min(received_at), now()) - interval '61 days' as since from webhook_events_old where body is not null)
select distinct date_trunc('day', received_at, 'UTC')::text as day from webhook_events_old, kept
where received_at >= since order by day`;

// Bodies with very many people were marked; they are not kept.
const moveBatch = `
with moved as (delete from webhook_events_old where id > ? and id <= ? returning *),
old as (
  select m.*, exists (select from webhook_subjects_old s where s.event_id = m.id and s.digest = 'many') as many
  from moved m),
requests as (
  insert into webhook_requests (id, tenant_id, credentials_id, provider, state, error, body, headers, received_at)
  select id, tenant_id, credentials_id, provider, case when type = 'unreadable' then 'unreadable' else 'read' end,
    case when many and body is not null then 'Its body was not kept: it speaks of more than 5,000 people.' end,
    case when not many then body end, '{}', received_at from old),
subjects as (
  insert into webhook_subjects (request_id, digest, tenant_id, received_at)
  select o.id, s.digest, s.tenant_id, o.received_at from old o join webhook_subjects_old s on s.event_id = o.id
  where not o.many and o.body is not null),
keys as (
  insert into webhook_dedupe (credentials_id, key, tenant_id, event_id, received_at)
  select credentials_id, dedupe_key, tenant_id, id, received_at from old on conflict (credentials_id, key) do nothing)
insert into webhook_events (id, request_id, position, tenant_id, credentials_id, provider, account_id,
  provider_account_id, kind, type, dedupe_key, state, error, deliveries, owes_signal, received_at, processed_at)
select id, id, 0, tenant_id, credentials_id, provider, account_id, provider_account_id,
  case when type like 'account\\_status.%' or type like 'session.status.%' then 'account_status'
    when type = 'unreadable' then 'unreadable' else 'other' end,
  type, dedupe_key, case when state in ('processed', 'unmatched') then state when many then 'processed' else 'failed' end,
  case when many and body is not null then 'Its body was not kept: it speaks of more than 5,000 people.' else error end,
  deliveries, owes_signal, received_at, processed_at
from old`;
