import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import { entities } from './connect.ts';
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
import { RefusedKeys } from './migrations/0045-refused-keys.ts';
import { AliasPairs } from './migrations/0050-alias-pairs.ts';

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
  { name: '0045-refused-keys', class: RefusedKeys },
  { name: '0050-alias-pairs', class: AliasPairs },
];

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
    // One transaction each: some migrations only work outside of one.
    migrations: { tableName: 'schema_migrations', migrationsList, snapshot: false, allOrNothing: false },
  });
}

/** `url` is the owner's, with the right to create roles the first time. Of two at once, the second waits. */
export async function migrate(url: string, to?: string): Promise<string[]> {
  const orm = await openAsOwner(url);
  try {
    // The transaction keeps the connection that holds the lock; migrations run on another one.
    return await orm.em.fork().transactional(async (em) => {
      await em.execute('select pg_advisory_xact_lock(7265234)');
      const done = await orm.migrator.up(to === undefined ? {} : { to });
      return done.map((one) => one.name);
    });
  } finally {
    await orm.close(true);
  }
}
