import { Migration } from '@mikro-orm/migrations';

const indexes = [
  'accounts_secret_key',
  'accounts_raw_details_key',
  'accounts_provider_keys_key',
  'connection_attempts_input_key',
  'connection_attempts_callback_token_key',
  'connection_steps_content_key',
  'connection_steps_answer_key',
  'provider_credentials_settings_key',
  'provider_credentials_webhook_secrets_key',
  'webhook_events_body_key',
  'idempotency_keys_response_key',
  'sync_runs_target_key',
  'contacts_raw_wasender_data_key',
  'ledger_keys_value_key',
  'erasures_target_key',
];

/** Dropping without blocking works only outside a transaction. May be repeated. */
export class KeyIndexes extends Migration {
  override isTransactional(): boolean {
    return false;
  }
  override up(): void {
    for (const index of indexes) this.addSql(`drop index concurrently if exists ${index};`);
  }
}
