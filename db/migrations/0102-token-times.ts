import { Migration } from '@mikro-orm/migrations';
import { differs, recordEvents } from './event-sources.ts';

/**
 * When the tokens of accounts are renewed, asked for and end. The times of keys that are here are inside of what is sealed:
 * each process writes missing ones at its start.
 */
export class TokenTimes extends Migration {
  override up(): void {
    // An added column with a constant default rewrites no row.
    this.addSql(`alter table accounts
      add column keys_version int not null default 0,
      add column keys_expire_at timestamptz,
      add column keys_refresh_at timestamptz,
      add column keys_ask_at timestamptz,
      add column keys_asked_at timestamptz,
      add column keys_intent_at timestamptz,
      add column keys_failures int not null default 0,
      add column keys_due_at timestamptz;`);
    this.addSql('drop trigger record_update on accounts; drop function record_accounts_update;');
    this.addSql(accountUpdates);
    const row = (name: string): string => shown.map((column) => `${name}.${column}`).join(', ');
    this.addSql(`drop trigger accounts_changed on accounts;
      create trigger accounts_changed before update on accounts
        for each row when ((${row('new')}) is distinct from (${row('old')})) execute function set_changed_at();`);
  }
}

const status = { state: 'n.state', reason: 'n.reason', who: 'n.who' };
const moved = differs('state', 'reason', 'who');
const endsAt = `case when n.reason = 'token_expiring'
  then to_char(n.keys_expire_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') end`;
const asked = { ...status, ends_at: endsAt };

const accountUpdates = recordEvents({
  table: 'accounts',
  on: 'update',
  account: 'n.id',
  events: [
    { type: 'account.state_changed', when: moved, data: { ...status, before: 'o.state' } },
    // While it is connecting, its steps tell what the owner must do.
    {
      type: 'account.action_required',
      when: `${moved} and n.who <> 'nobody' and n.state <> 'connecting'`,
      data: { ...asked, reminder: 'false' },
    },
    {
      type: 'account.action_required',
      when: `not (${moved}) and n.who = 'owner' and n.keys_asked_at > o.keys_asked_at`,
      data: { ...asked, reminder: 'true' },
    },
    {
      type: 'account.updated',
      data: {},
      changed: {
        owner: 'owner',
        label: 'label',
        metadata: 'metadata',
        identity: 'identity',
        provider_account_id: 'provider_account_id',
        details: 'details_at',
        merged_into: 'merged_into',
        access_ends_at: 'keys_expire_at',
      },
    },
  ],
});

/** Columns that answers show. */
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
  'last_sync_at',
  'send_limits',
  'merged_into',
  'keys_expire_at',
  'updated_at',
];
