import type { ConnectionConfig, ProviderConfig } from './accounts.ts';

/**
 * What can be wrong with an account's stored details. `missing`: there are none · `incomplete`: a point lacks · `stale`: they
 * were not collected for two days · `other_number`: they tell another number than the account's identity.
 */
export type DetailsFault = 'missing' | 'incomplete' | 'stale' | 'other_number';

/** In milliseconds. */
const staleAfterMs = 48 * 3_600_000;

const connectionPoints = [
  'phone_number',
  'account_type',
  'messaging_status',
  'messaging_source_id',
  'created_at',
  'sources',
  'groups',
  'last_api_sync',
  'api_object_type',
] as const satisfies readonly (keyof ConnectionConfig)[];

const providerPoints = [
  'features',
  'webhook_events',
  'rate_limits',
  'notification_preferences',
  'account_metadata',
  'messaging_enabled',
  'provider_type',
  'formatted_phone_number',
] as const satisfies readonly (keyof ProviderConfig)[];

/** An account's details as they are stored; `detailsAt` in milliseconds since the epoch. */
export interface StoredDetails {
  identity: string | null;
  connectionConfig: object | null;
  providerConfig: object | null;
  detailsAt: number | null;
}

const lacksOne = (of: object, points: readonly string[]): boolean => points.some((point) => !Object.hasOwn(of, point));

/** What is wrong with stored details; empty where nothing is. A null is a point that the provider does not tell. */
export function faultsOf(
  { identity, connectionConfig, providerConfig, detailsAt }: StoredDetails,
  at: number,
): DetailsFault[] {
  if (!connectionConfig || !providerConfig || detailsAt === null) return ['missing'];
  const isIncomplete = lacksOne(connectionConfig, connectionPoints) || lacksOne(providerConfig, providerPoints);
  const { phone_number: number } = connectionConfig as Partial<ConnectionConfig>;
  const isOther = Boolean(number?.startsWith('+') && identity?.startsWith('+') && number !== identity);
  return [
    ...(isIncomplete ? (['incomplete'] as const) : []),
    ...(at - detailsAt >= staleAfterMs ? (['stale'] as const) : []),
    ...(isOther ? (['other_number'] as const) : []),
  ];
}
