import { sealed } from '../../db/sealed.ts';

/** A table as an export of a tenant writes it. */
export interface ExportedTable {
  name: string;
  /** Columns by which it is read, with their types: a key, or the beginning of one. */
  keys: Readonly<Record<string, 'uuid' | 'text' | 'bigint' | 'int' | 'boolean' | 'date' | 'timestamptz'>>;
  /** Sealed columns that are written opened, with the place in which they open. */
  opened?: Readonly<Record<string, (id: string) => string>>;
  /** Columns that give access to something, or that only the database uses: not written. */
  withheld?: readonly string[];
}

const byId = { id: 'uuid' } as const;
const ofAccount = { account_id: 'uuid' } as const;

/** In the order in which they are written. */
export const exportedTables: readonly ExportedTable[] = [
  { name: 'tenants', keys: byId },
  { name: 'api_keys', keys: byId, withheld: ['hash'] },
  { name: 'provider_credentials', keys: byId, withheld: ['settings', 'webhook_secrets', 'webhook_token'] },
  {
    name: 'accounts',
    keys: byId,
    opened: { raw_details: sealed.rawDetails },
    withheld: ['secret', 'provider_keys', 'webhook_secret_hash'],
  },
  { name: 'account_events', keys: byId },
  { name: 'connection_attempts', keys: byId, withheld: ['input', 'callback_token', 'callback_hash'] },
  { name: 'connection_steps', keys: byId, withheld: ['content', 'answer'] },
  { name: 'contacts', keys: byId, opened: { raw_wasender_data: sealed.contactRaw } },
  { name: 'contact_aliases', keys: { ...ofAccount, kind: 'text', value: 'text' }, withheld: ['content_hash'] },
  { name: 'conversations', keys: byId },
  { name: 'attendees', keys: byId },
  { name: 'conversation_attendees', keys: { conversation_id: 'uuid', attendee_id: 'uuid' } },
  { name: 'conversation_departures', keys: { conversation_id: 'uuid', attendee_id: 'uuid' } },
  { name: 'conversation_changes', keys: { conversation_id: 'uuid', field: 'text' } },
  { name: 'conversation_history', keys: { ...ofAccount, key: 'text' } },
  { name: 'messages', keys: byId, withheld: ['search'] },
  { name: 'message_receipts', keys: { message_id: 'uuid', attendee_id: 'uuid' } },
  { name: 'message_effects', keys: { ...ofAccount, key: 'text', digest: 'text' } },
  { name: 'message_sends', keys: { message_id: 'uuid' } },
  { name: 'attachments', keys: byId, withheld: ['source'] },
  { name: 'media', keys: byId },
  { name: 'provider_keys', keys: { ...ofAccount, kind: 'text', key: 'text' } },
  { name: 'sync_runs', keys: byId, opened: { target: sealed.syncTarget } },
  { name: 'missed_webhooks', keys: { ...ofAccount, day: 'date' } },
  { name: 'account_visits', keys: ofAccount, withheld: ['lease'] },
  { name: 'webhook_requests', keys: { id: 'uuid', received_at: 'timestamptz' }, opened: { body: sealed.webhookBody } },
  { name: 'webhook_events', keys: { id: 'uuid', received_at: 'timestamptz' } },
  { name: 'webhook_endpoints', keys: byId, withheld: ['headers', 'secrets'] },
  { name: 'webhook_deliveries', keys: { endpoint_id: 'uuid', id: 'uuid', created_at: 'timestamptz' } },
  { name: 'tenant_events', keys: byId },
  { name: 'events', keys: { stamp: 'bigint', seq: 'bigint', at: 'timestamptz' } },
  { name: 'audit_entries', keys: { at: 'timestamptz', id: 'uuid' } },
  { name: 'erasures', keys: byId, withheld: ['target'] },
  { name: 'user_requests', keys: byId, withheld: ['group_hash', 'dedupe_hash'] },
  { name: 'user_request_parts', keys: byId },
  { name: 'account_days', keys: { ...ofAccount, day: 'date' } },
  { name: 'conversation_days', keys: { conversation_id: 'uuid', day: 'date', is_kept: 'boolean' } },
  { name: 'sending_stops', keys: byId },
  { name: 'login_restarts', keys: byId },
  { name: 'bulk_operations', keys: byId, withheld: ['target'] },
  { name: 'bulk_items', keys: { operation_id: 'uuid', account_id: 'uuid' } },
];

/** Tables with rows of tenants that an export leaves out, and why. */
export const leftOutTables: Readonly<Record<string, string>> = {
  idempotency_keys: 'answers that are kept for repeats of requests for a day',
  realtime_tickets: 'tickets of some seconds',
  data_keys: 'keys',
  ledger_keys: 'keys',
  webhook_secret_hashes: 'digests of secrets',
  erased_subjects: 'digests of erased people',
  webhook_subjects: 'digests of people',
  webhook_dedupe: 'keys by which repeats of webhooks are known',
  webhook_watches: 'working state',
  intake_uptime: 'working state',
  sync_pages: 'working state of syncs',
  send_queues: 'working state',
  send_calls: 'counts of calls of the last day',
  call_buckets: 'working state of limits',
  call_pressures: 'working state of limits',
  event_floors: 'working state of the feed',
  analytics_marks: 'working state of analytics',
  account_counts: 'counts of accounts by state',
  export_files: 'what exports wrote',
};
