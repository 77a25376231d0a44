import { Migration } from '@mikro-orm/migrations';
import { rowSecurity } from './row-security.ts';

/** Restarts of logins without their owners, as far as they count for the limits of their accounts. */
export class LoginRestarts extends Migration {
  override up(): void {
    this.addSql(`
create table login_restarts (
  id uuid primary key,
  tenant_id uuid not null,
  account_id uuid not null references accounts on delete cascade,
  at timestamptz not null
);
create index login_restarts_account on login_restarts (account_id, at desc);`);
    this.addSql(rowSecurity('login_restarts'));
  }
}
