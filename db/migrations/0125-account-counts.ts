import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/**
 * How many accounts there are by what an operator asks for: rows of one kind are added up. A transaction that moves an
 * account adds rows and changes none, so that two of them never wait for each other; the reconciler folds them.
 */
export class AccountCounts extends Migration {
  override up(): void {
    this.addSql(`
create table account_counts (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants on delete cascade,
  provider text not null,
  channel text not null,
  state text not null,
  reason text,
  who text not null,
  accounts int not null
);`);
    this.addSql(rowSecurity('account_counts'));
    this.addSql('create index account_counts_tenant on account_counts (tenant_id);');
    // First: from here on until the commit the accounts stay as they are counted below.
    this.addSql(triggers);
    this.addSql(count);
  }
}

const counted = ['tenant_id', 'provider', 'channel', 'state', 'reason', 'who', '(merged_into is null)'];
const of = (row: string): string =>
  counted.map((column) => column.replace(/^(\(?)/, (bracket) => `${bracket}${row}.`)).join(', ');

// A row-level trigger whose condition does not hold costs nothing but the comparison. What a tenant's own end removes
// needs no count.
const triggers = `
create function count_account_in() returns trigger language plpgsql as $$
begin
  insert into account_counts (tenant_id, provider, channel, state, reason, who, accounts)
  values (new.tenant_id, new.provider, new.channel, new.state, new.reason, new.who, 1);
  return null;
end $$;
create function count_account_out() returns trigger language plpgsql as $$
begin
  insert into account_counts (tenant_id, provider, channel, state, reason, who, accounts)
  select old.tenant_id, old.provider, old.channel, old.state, old.reason, old.who, -1
  where exists (select from tenants t where t.id = old.tenant_id);
  return null;
end $$;
create trigger count_insert after insert on accounts for each row
  when (new.merged_into is null) execute function count_account_in();
create trigger count_delete after delete on accounts for each row
  when (old.merged_into is null) execute function count_account_out();
create trigger count_moved_in after update on accounts for each row
  when (new.merged_into is null and (${of('new')}) is distinct from (${of('old')})) execute function count_account_in();
create trigger count_moved_out after update on accounts for each row
  when (old.merged_into is null and (${of('new')}) is distinct from (${of('old')})) execute function count_account_out();`;

/** The owner passes no policy. */
const count = `
set local role patchbay_system;
insert into account_counts (tenant_id, provider, channel, state, reason, who, accounts)
select tenant_id, provider, channel, state, reason, who, count(*) from accounts where merged_into is null
group by tenant_id, provider, channel, state, reason, who;
reset role;`;
