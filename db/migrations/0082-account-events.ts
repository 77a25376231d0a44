import { Migration } from '@mikro-orm/migrations';
import { differs, recordEvents, type EventSource } from './event-sources.ts';

/** Events of accounts and their logins, of contacts and of syncs. */
export class AccountEvents extends Migration {
  override up(): void {
    for (const source of sources) this.addSql(recordEvents(source));
  }
}

const status = { state: 'n.state', reason: 'n.reason', who: 'n.who' };
const moved = differs('state', 'reason', 'who');
const attempt = { attempt: 'n.number', operation: 'n.operation' };
const sync = { sync_id: 'n.id', kind: 'n.kind', state: 'n.state' };
const contact = { contact_id: 'n.id' };

const sources: readonly EventSource[] = [
  {
    table: 'accounts',
    on: 'insert',
    account: 'n.id',
    events: [{ type: 'account.created', data: { state: 'n.state' } }],
  },
  {
    table: 'accounts',
    on: 'update',
    account: 'n.id',
    events: [
      { type: 'account.state_changed', when: moved, data: { ...status, before: 'o.state' } },
      // While it is connecting, its steps tell what the owner must do.
      {
        type: 'account.action_required',
        when: `${moved} and n.who <> 'nobody' and n.state <> 'connecting'`,
        data: status,
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
        },
      },
    ],
  },
  {
    table: 'connection_attempts',
    on: 'insert',
    events: [{ type: 'account.attempt_started', data: attempt }],
  },
  {
    table: 'connection_attempts',
    on: 'update',
    join: 'left join connection_steps s on s.id = n.current_step_id',
    events: [
      {
        type: 'account.step_changed',
        when: `${differs('current_step_id')} and n.current_step_id is not null`,
        data: { attempt: 'n.number', step_id: 'n.current_step_id', kind: 's.kind' },
      },
      {
        type: 'account.attempt_ended',
        when: `${differs('state')} and n.state <> 'running'`,
        data: { ...attempt, state: 'n.state', reason: 'n.reason' },
      },
    ],
  },
  // An address book that is read for the first time would be as many events as it has contacts.
  { table: 'contacts', on: 'insert', events: [{ type: 'contact.created', ids: 'contact_ids' }] },
  {
    table: 'contacts',
    on: 'update',
    events: [
      {
        type: 'contact.updated',
        data: contact,
        changed: {
          phone_number: 'phone_number',
          saved_name: 'saved_name',
          push_name: 'push_name',
          name: 'name',
          verified_name: 'verified_name',
          company: 'company',
          profile_image_url: 'profile_image_url',
          whatsapp_status: 'whatsapp_status',
          is_business_account: 'is_business_account',
          groups: 'groups',
          missing_since: 'missing_since',
          merged_into: 'merged_into',
        },
      },
    ],
  },
  { table: 'contacts', on: 'delete', events: [{ type: 'contact.removed', data: contact }] },
  { table: 'sync_runs', on: 'insert', events: [{ type: 'sync.started', data: sync }] },
  {
    table: 'sync_runs',
    on: 'update',
    events: [
      { type: 'sync.ended', when: differs('state'), data: { ...sync, reason: 'n.reason' } },
      {
        type: 'sync.updated',
        when: `${differs('paused_at')} and n.state = 'running'`,
        data: { ...sync, paused: 'n.paused_at is not null' },
      },
    ],
  },
];
