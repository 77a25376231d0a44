import { Migration } from '@mikro-orm/migrations';

/** Logins on a provider's own page: where it calls back, and where the owner's browser goes afterwards. */
export class LoginPages extends Migration {
  override up(): void {
    this.addSql(`alter table connection_attempts
      add column redirects jsonb,
      add column callback_token text,
      add column callback_used_at timestamptz,
      add column callback_hash text constraint connection_attempts_callback_hash_unique unique;`);
  }
}
