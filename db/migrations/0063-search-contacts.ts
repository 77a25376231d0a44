import { Migration } from '@mikro-orm/migrations';

const indexes = {
  contacts_search: `contacts using gin (tenant_id,
    to_tsvector('simple'::regconfig, names_of(name, verified_name, company, push_name, phone_number)))`,
  contact_aliases_identity: 'contact_aliases (tenant_id, value)',
  sync_runs_scope: "sync_runs (account_id, kind, scope, started_at) where scope <> ''",
};

/** Search and names of conversations read tables that are large already: they are written meanwhile. */
export class SearchContacts extends Migration {
  override isTransactional(): boolean {
    return false;
  }

  override up(): void {
    for (const [name, on] of Object.entries(indexes)) {
      this.addSql(`drop index concurrently if exists ${name};`);
      this.addSql(`create index concurrently ${name} on ${on};`);
    }
  }
}
