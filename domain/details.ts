/** How the account is connected: ten points, collected on connect, on a solved checkpoint and on reconnect. */
export interface ConnectionConfig {
  /** E.164 with plus, or null on channels without a number. */
  phone_number: string | null;
  account_type: string;
  /** The provider's own word for the messaging source's state, such as `OK`. */
  messaging_status: string;
  messaging_source_id: string | null;
  /** When the login was made at the provider. */
  created_at: string | null;
  sources: { id: string; status: string }[];
  groups: string[];
  last_api_sync: string;
  /** Stored sealed, in a column of its own; here only on its way there. */
  full_api_response?: unknown;
  api_object_type: string;
}

/** What the account can do: eight points. Limits are calls, null where the provider states none. */
export interface ProviderConfig {
  features: { send: boolean; receive: boolean; read_receipts: boolean; delivery_status: boolean; media: boolean };
  webhook_events: string[];
  rate_limits: { per_hour: number | null; per_day: number | null; burst: number | null };
  notification_preferences: { messages: boolean; receipts: boolean; account_status: boolean };
  account_metadata: { country_code: string | null; display_name: string | null; creation_date: string | null };
  messaging_enabled: boolean;
  provider_type: string;
  formatted_phone_number: string | null;
}

export interface AccountDetails {
  connection_config: ConnectionConfig;
  provider_config: ProviderConfig;
}

/** One point that changed, by its dotted path. */
export interface DetailChange {
  path: string;
  before: unknown;
  after: unknown;
}

/** Points that differ at every collection, so that their change says nothing. */
const unremarkable = new Set(['connection_config.last_api_sync', 'connection_config.full_api_response']);

/**
 * What a fresh collection changes against the stored details (null: never collected, everything is new). Compares
 * point by point; lists and objects by their JSON.
 */
export function detailChanges(before: AccountDetails | null, after: AccountDetails): DetailChange[] {
  const changes: DetailChange[] = [];
  for (const part of ['connection_config', 'provider_config'] as const) {
    const old: Record<string, unknown> = { ...before?.[part] };
    for (const [key, value] of Object.entries(after[part])) {
      const path = `${part}.${key}`;
      if (unremarkable.has(path) || canonical(old[key]) === canonical(value)) continue;
      changes.push({ path, before: old[key] ?? null, after: value });
    }
  }
  return changes;
}

/** JSON with sorted keys: PostgreSQL's jsonb does not keep their order. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
