import { Migration } from '@mikro-orm/migrations';

/** Credentials whose key the provider refuses rest: one probe at a time asks whether it is accepted again. */
export class RefusedKeys extends Migration {
  override up(): void {
    this.addSql(`alter table provider_credentials
  add column refused_at timestamptz,
  add column probe_at timestamptz,
  add column probes integer not null default 0,
  add constraint provider_credentials_refused check ((refused_at is null) = (probe_at is null));
create index provider_credentials_refused_keys on provider_credentials (id) where refused_at is not null;`);
  }
}
