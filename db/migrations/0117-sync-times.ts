import { Migration } from '@mikro-orm/migrations';

/** A sync that found nothing changes nothing that readers of changes must see: `last_sync_at` alone is no change. */
export class SyncTimes extends Migration {
  override up(): void {
    const row = (name: string): string => shown.map((column) => `${name}.${column}`).join(', ');
    this.addSql(`drop trigger accounts_changed on accounts;
      create trigger accounts_changed before update on accounts
        for each row when ((${row('new')}) is distinct from (${row('old')})) execute function set_changed_at();`);
  }
}

/** Columns whose change counts as one of the account. */
const shown = [
  'owner',
  'label',
  'metadata',
  'method',
  'provider_account_id',
  'identity',
  'state',
  'reason',
  'who',
  'since',
  'connection_config',
  'provider_config',
  'details_at',
  'send_limits',
  'merged_into',
  'keys_expire_at',
  'updated_at',
];
