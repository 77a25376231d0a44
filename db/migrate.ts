import { setTimeout as sleep } from 'node:timers/promises';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { entities, type Em } from './connect.ts';
import { Foundation } from './migrations/0001-foundation.ts';
import { LoginPages } from './migrations/0002-login-pages.ts';
import { UsedKeys } from './migrations/0003-used-keys.ts';
import { RawRetention } from './migrations/0004-raw-retention.ts';
import { AccountKeys } from './migrations/0005-account-keys.ts';
import { AnsweredAt } from './migrations/0006-answered-at.ts';
import { Contacts } from './migrations/0007-contacts.ts';
import { Privacy } from './migrations/0008-privacy.ts';
import { ContactReferences } from './migrations/0009-contact-references.ts';
import { ContactsAgain } from './migrations/0010-contacts-again.ts';
import { RunRetention } from './migrations/0011-run-retention.ts';
import { ManyPeople } from './migrations/0012-many-people.ts';
import { AttemptRuns } from './migrations/0013-attempt-runs.ts';
import { ContactsByAccount } from './migrations/0014-contacts-by-account.ts';
import { Checks } from './migrations/0015-checks.ts';
import { DataKeys } from './migrations/0019-data-keys.ts';
import { KeyIndexes } from './migrations/0019-key-indexes.ts';
import { KnownLogins } from './migrations/0021-known-logins.ts';
import { WebhookRequests } from './migrations/0022-webhook-requests.ts';
import { WebhookRows } from './migrations/0023-webhook-rows.ts';
import { CheckDue } from './migrations/0030-check-due.ts';
import { AttemptWakes } from './migrations/0031-attempt-wakes.ts';
import { StepMoves } from './migrations/0032-step-moves.ts';
import { MergeAcrossOwners } from './migrations/0033-merge-across-owners.ts';
import { Plans } from './migrations/0035-plans.ts';
import { RefusedKeys } from './migrations/0045-refused-keys.ts';
import { AliasPairs } from './migrations/0050-alias-pairs.ts';
import { MissingContacts } from './migrations/0051-missing-contacts.ts';
import { AnnounceChanges } from './migrations/0052-announce-changes.ts';
import { ReportedSince } from './migrations/0055-reported-since.ts';
import { Messaging } from './migrations/0060-messaging.ts';
import { Reading } from './migrations/0061-reading.ts';
import { MessageSends } from './migrations/0062-message-sends.ts';
import { SearchContacts } from './migrations/0063-search-contacts.ts';
import { ConversationHistory } from './migrations/0064-conversation-history.ts';
import { SafetyNet } from './migrations/0065-safety-net.ts';
import { MediaFiles } from './migrations/0066-media.ts';
import { MediaFetches } from './migrations/0067-media-fetches.ts';
import { OutgoingFiles } from './migrations/0068-outgoing-files.ts';
import { MissedWebhooks } from './migrations/0069-missed-webhooks.ts';
import { PausedSyncs } from './migrations/0070-paused-syncs.ts';
import { ContactEvents } from './migrations/0072-contact-events.ts';
import { Restores } from './migrations/0076-restores.ts';
import { ConversationChanges } from './migrations/0078-conversation-changes.ts';
import { Events } from './migrations/0080-events.ts';
import { MessageEvents } from './migrations/0081-message-events.ts';
import { AccountEvents } from './migrations/0082-account-events.ts';
import { RealtimeTickets } from './migrations/0083-realtime-tickets.ts';
import { WebhookEndpoints } from './migrations/0085-webhook-endpoints.ts';
import { CallLimits } from './migrations/0086-call-limits.ts';
import { WebhookDeliveries } from './migrations/0087-webhook-deliveries.ts';
import { MediaOfTenants } from './migrations/0088-media-of-tenants.ts';
import { MessageRetention } from './migrations/0089-message-retention.ts';
import { Registering } from './migrations/0090-registering.ts';
import { ChangedAt } from './migrations/0092-changed-at.ts';
import { ChangedRows } from './migrations/0093-changed-rows.ts';
import { Departures } from './migrations/0094-departures.ts';
import { ToldTimes } from './migrations/0095-told-times.ts';
import { CallPressures } from './migrations/0096-call-pressures.ts';
import { MessageExtras } from './migrations/0098-message-extras.ts';
import { DueProfiles } from './migrations/0099-due-profiles.ts';
import { ProviderGroups } from './migrations/0100-provider-groups.ts';
import { AccountsByGroup } from './migrations/0101-accounts-by-group.ts';
import { TokenTimes } from './migrations/0102-token-times.ts';
import { TokensDue } from './migrations/0102-tokens-due.ts';
import { UserRequests } from './migrations/0103-user-requests.ts';
import { ReturnAddresses } from './migrations/0104-return-addresses.ts';
import { EndpointBatches } from './migrations/0106-endpoint-batches.ts';
import { PartitionLocks } from './migrations/0107-partition-locks.ts';
import { Analytics } from './migrations/0110-analytics.ts';
import { AnalyticsIndexes } from './migrations/0111-analytics-indexes.ts';
import { AccountVisits } from './migrations/0115-account-visits.ts';
import { VisitIndexes } from './migrations/0116-visit-indexes.ts';
import { EventsOfTenants } from './migrations/0120-events-of-tenants.ts';
import { BulkOperations } from './migrations/0121-bulk-operations.ts';
import { AccountLabels } from './migrations/0122-account-labels.ts';
import { AccountCounts } from './migrations/0125-account-counts.ts';
import { HealthIndexes } from './migrations/0126-health-indexes.ts';
import { DueOfTenants } from './migrations/0127-due-of-tenants.ts';
import { Audit } from './migrations/0130-audit.ts';
import { Reminders } from './migrations/0135-reminders.ts';
import { RemindersDue } from './migrations/0136-reminders-due.ts';
import { SendingStops } from './migrations/0137-sending-stops.ts';
import { LoginRestarts } from './migrations/0138-login-restarts.ts';

export const migrationsList = [
  { name: '0001-foundation', class: Foundation },
  { name: '0002-login-pages', class: LoginPages },
  { name: '0003-used-keys', class: UsedKeys },
  { name: '0004-raw-retention', class: RawRetention },
  { name: '0005-account-keys', class: AccountKeys },
  { name: '0006-answered-at', class: AnsweredAt },
  { name: '0007-contacts', class: Contacts },
  { name: '0008-privacy', class: Privacy },
  { name: '0009-contact-references', class: ContactReferences },
  { name: '0010-contacts-again', class: ContactsAgain },
  { name: '0011-run-retention', class: RunRetention },
  { name: '0012-many-people', class: ManyPeople },
  { name: '0013-attempt-runs', class: AttemptRuns },
  { name: '0014-contacts-by-account', class: ContactsByAccount },
  { name: '0015-checks', class: Checks },
  { name: '0019-data-keys', class: DataKeys },
  { name: '0019-key-indexes', class: KeyIndexes },
  { name: '0021-known-logins', class: KnownLogins },
  { name: '0022-webhook-requests', class: WebhookRequests },
  { name: '0023-webhook-rows', class: WebhookRows },
  { name: '0030-check-due', class: CheckDue },
  { name: '0031-attempt-wakes', class: AttemptWakes },
  { name: '0032-step-moves', class: StepMoves },
  { name: '0033-merge-across-owners', class: MergeAcrossOwners },
  { name: '0035-plans', class: Plans },
  { name: '0045-refused-keys', class: RefusedKeys },
  { name: '0050-alias-pairs', class: AliasPairs },
  { name: '0051-missing-contacts', class: MissingContacts },
  { name: '0052-announce-changes', class: AnnounceChanges },
  { name: '0055-reported-since', class: ReportedSince },
  { name: '0060-messaging', class: Messaging },
  { name: '0061-reading', class: Reading },
  { name: '0062-message-sends', class: MessageSends },
  { name: '0063-search-contacts', class: SearchContacts },
  { name: '0064-conversation-history', class: ConversationHistory },
  { name: '0065-safety-net', class: SafetyNet },
  { name: '0066-media', class: MediaFiles },
  { name: '0067-media-fetches', class: MediaFetches },
  { name: '0068-outgoing-files', class: OutgoingFiles },
  { name: '0069-missed-webhooks', class: MissedWebhooks },
  { name: '0070-paused-syncs', class: PausedSyncs },
  { name: '0072-contact-events', class: ContactEvents },
  { name: '0076-restores', class: Restores },
  { name: '0078-conversation-changes', class: ConversationChanges },
  { name: '0080-events', class: Events },
  { name: '0081-message-events', class: MessageEvents },
  { name: '0082-account-events', class: AccountEvents },
  { name: '0083-realtime-tickets', class: RealtimeTickets },
  { name: '0085-webhook-endpoints', class: WebhookEndpoints },
  { name: '0086-call-limits', class: CallLimits },
  { name: '0087-webhook-deliveries', class: WebhookDeliveries },
  { name: '0088-media-of-tenants', class: MediaOfTenants },
  { name: '0089-message-retention', class: MessageRetention },
  { name: '0090-registering', class: Registering },
  { name: '0092-changed-at', class: ChangedAt },
  { name: '0093-changed-rows', class: ChangedRows },
  { name: '0094-departures', class: Departures },
  { name: '0095-told-times', class: ToldTimes },
  { name: '0096-call-pressures', class: CallPressures },
  { name: '0098-message-extras', class: MessageExtras },
  { name: '0099-due-profiles', class: DueProfiles },
  { name: '0100-provider-groups', class: ProviderGroups },
  { name: '0101-accounts-by-group', class: AccountsByGroup },
  { name: '0102-token-times', class: TokenTimes },
  { name: '0102-tokens-due', class: TokensDue },
  { name: '0103-user-requests', class: UserRequests },
  { name: '0104-return-addresses', class: ReturnAddresses },
  { name: '0106-endpoint-batches', class: EndpointBatches },
  { name: '0107-partition-locks', class: PartitionLocks },
  { name: '0110-analytics', class: Analytics },
  { name: '0111-analytics-indexes', class: AnalyticsIndexes },
  { name: '0115-account-visits', class: AccountVisits },
  { name: '0116-visit-indexes', class: VisitIndexes },
  { name: '0120-events-of-tenants', class: EventsOfTenants },
  { name: '0121-bulk-operations', class: BulkOperations },
  { name: '0122-account-labels', class: AccountLabels },
  { name: '0125-account-counts', class: AccountCounts },
  { name: '0126-health-indexes', class: HealthIndexes },
  { name: '0127-due-of-tenants', class: DueOfTenants },
  { name: '0130-audit', class: Audit },
  { name: '0135-reminders', class: Reminders },
  { name: '0136-reminders-due', class: RemindersDue },
  { name: '0137-sending-stops', class: SendingStops },
  { name: '0138-login-restarts', class: LoginRestarts },
];

/**
 * Milliseconds; whatever uses a table waits behind a migration that waits for its lock. More than PostgreSQL's
 * `deadlock_timeout` (1 s), after which an autovacuum gives way.
 */
const lockTimeoutMs = 1_500;
const mostTries = 240;
const pauseMs = 500;
/** Lock not given in time; victim of a deadlock. */
const lockErrors: ReadonlySet<unknown> = new Set(['55P03', '40P01']);

/** Connects as the schema's owner: for migrations, never for a serving process. */
export function openAsOwner(url: string): Promise<MikroORM> {
  return MikroORM.init({
    clientUrl: url,
    entities,
    extensions: [Migrator],
    forceUtcTimezone: true,
    logger: () => {},
    ensureDatabase: false,
    pool: { min: 0, max: 2 },
    driverOptions: { options: `-c lock_timeout=${lockTimeoutMs}` },
    // One transaction each: some migrations only work outside of one.
    migrations: { tableName: 'schema_migrations', migrationsList, snapshot: false, allOrNothing: false },
  });
}

/**
 * `url` is the owner's, with the right to create roles the first time. Of two at once, the second waits. A migration whose
 * locks others hold is tried again; throws PostgreSQL's `55P03` when they stay held for minutes.
 */
export async function migrate(url: string, to?: string): Promise<string[]> {
  const orm = await openAsOwner(url);
  try {
    // The transaction keeps the connection that holds the lock; migrations run on another one.
    return await orm.em.fork().transactional(async (em) => {
      await lockMigrations(em);
      return await upWithRetries(orm, to);
    });
  } finally {
    await orm.close(true);
  }
}

/** Asked again and again: a session that waits for a lock keeps its snapshot, for whose end `create index concurrently` waits. */
async function lockMigrations(em: Em): Promise<void> {
  const tryLock = (): Promise<{ locked: boolean }[]> =>
    em.execute('select pg_try_advisory_xact_lock(7265234) as locked');
  while (!(await tryLock())[0]?.locked) await sleep(pauseMs);
}

async function upWithRetries({ migrator }: MikroORM, to: string | undefined): Promise<string[]> {
  const done: string[] = [];
  migrator.on('migrated', ({ name }) => void done.push(name));
  for (let tries = 1; ; tries += 1) {
    try {
      await migrator.up(to === undefined ? {} : { to });
      return done;
    } catch (error) {
      if (!lockErrors.has((error as { code?: unknown }).code) || tries === mostTries) throw error;
      await sleep(pauseMs);
    }
  }
}
