import { Migration } from '@mikro-orm/migrations';
import { differs, recordEvents } from './event-sources.ts';

/**
 * What is known of reminders of each account, hours in which owners are reminded and accounts are quiet, and how often an
 * account may log in. Added columns with a constant default rewrite no row.
 */
export class Reminders extends Migration {
  override up(): void {
    this.addSql(`alter table tenants
      add column reminder_hours jsonb,
      add column reminder_weeks int default 8,
      add column quiet_hours jsonb;`);
    this.addSql(`alter table accounts
      add column asked_at timestamptz,
      add column reminded_at timestamptz,
      add column reminders int not null default 0,
      add column snoozed_until timestamptz,
      add column given_up_at timestamptz,
      add column remind_due_at timestamptz,
      add column quiet_hours jsonb,
      add column login_limits jsonb;`);
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
const asked = { ...status, ends_at: endsAt, reminders: 'n.reminders' };

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
      when: `not (${moved}) and n.who = 'owner' and n.reminders > o.reminders`,
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
        'reminders.snoozed_until': 'snoozed_until',
        'reminders.given_up_at': 'given_up_at',
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
  'send_limits',
  'login_limits',
  'quiet_hours',
  'merged_into',
  'keys_expire_at',
  'asked_at',
  'reminders',
  'snoozed_until',
  'given_up_at',
  'updated_at',
];
