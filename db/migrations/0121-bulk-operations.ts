import { Migration } from '@mikro-orm/migrations';
import { differs, recordEvents, type EventSource } from './event-sources.ts';
import { rowSecurity } from './row-security.ts';

/** Operations over many accounts, what each of them comes to, and the files of exports. */
export class BulkOperations extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['bulk_operations', 'bulk_items', 'export_files']) this.addSql(rowSecurity(table));
    for (const source of sources) this.addSql(recordEvents(source));
    this.addSql(`create trigger announce_change after update of state on bulk_operations
      for each row when (new.state is distinct from old.state) execute function announce_change('bulk', 'id');`);
  }
}

// Items do not refer to accounts: what became of one outlives it.
const tables = `
create table bulk_operations (
  id uuid primary key,
  tenant_id uuid not null references tenants on delete cascade,
  kind text not null,
  filter jsonb not null,
  options jsonb not null,
  target text,
  key_id uuid,
  state text not null,
  reason text,
  place jsonb,
  generation int not null,
  counts jsonb not null,
  due_at timestamptz,
  created_at timestamptz not null,
  ended_at timestamptz,
  expires_at timestamptz
);
create index bulk_operations_list on bulk_operations (tenant_id, id);
create index bulk_operations_due on bulk_operations (due_at) where due_at is not null;
create index bulk_operations_ended on bulk_operations (ended_at) where ended_at is not null;
create index bulk_operations_expiry on bulk_operations (expires_at) where expires_at is not null;
create table bulk_items (
  operation_id uuid not null references bulk_operations on delete cascade,
  account_id uuid not null,
  tenant_id uuid not null,
  state text not null,
  reason text,
  request_id uuid,
  tries int not null,
  asked_at timestamptz,
  ended_at timestamptz,
  primary key (operation_id, account_id)
);
create index bulk_items_state on bulk_items (operation_id, state, account_id);
create table export_files (
  operation_id uuid not null references bulk_operations on delete cascade,
  number int not null,
  tenant_id uuid not null,
  name text not null,
  source text not null,
  row_count bigint not null,
  size bigint not null,
  sha256 text not null,
  media_id uuid not null,
  created_at timestamptz not null,
  primary key (operation_id, number)
);
create index export_files_media on export_files (media_id);`;

const operation = { bulk_id: 'n.id', operation: 'n.kind', state: 'n.state', counts: 'n.counts' };
const isOver = (row: string): string => `${row}.state in ('done', 'failed', 'cancelled')`;

const sources: readonly EventSource[] = [
  {
    table: 'bulk_operations',
    on: 'insert',
    account: 'null::uuid',
    events: [{ type: 'bulk.started', data: operation }],
  },
  {
    table: 'bulk_operations',
    on: 'update',
    account: 'null::uuid',
    events: [
      {
        type: 'bulk.updated',
        when: `${differs('state', 'counts')} and not (${isOver('n')})`,
        data: operation,
      },
      {
        type: 'bulk.ended',
        when: `${isOver('n')} and (${differs('state')} or ${differs('ended_at')})`,
        data: { ...operation, reason: 'n.reason' },
      },
    ],
  },
];
