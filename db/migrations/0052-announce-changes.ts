import { Migration } from '@mikro-orm/migrations';

/**
 * Announces, at commit, what requests wait for: see `domain/change-topics.ts`. A commit that announces waits for every
 * other one that does, so nothing is announced for a webhook, for a page of contacts or for what nothing can wait for.
 */
export class AnnounceChanges extends Migration {
  override up(): void {
    this.addSql(`
create function announce_change() returns trigger language plpgsql as $$
declare
  changed jsonb := to_jsonb(coalesce(new, old));
begin
  perform pg_notify('patchbay_changes', tg_argv[0] || '/' || (changed ->> tg_argv[1]));
  return null;
end $$;

create trigger announce_new after insert on connection_attempts
  for each row execute function announce_change('attempts', 'account_id');
create trigger announce_change after update of state, current_step_id, undo, intent_at, provider_account_id on connection_attempts
  for each row when ((new.state, new.current_step_id, new.undo, new.intent_at, new.provider_account_id)
    is distinct from (old.state, old.current_step_id, old.undo, old.intent_at, old.provider_account_id))
  execute function announce_change('attempts', 'account_id');

create trigger announce_change after update of state on sync_runs
  for each row when (new.state is distinct from old.state) execute function announce_change('syncs', 'id');
create trigger announce_end after delete on sync_runs
  for each row when (old.state = 'running') execute function announce_change('syncs', 'id');

create trigger announce_change after update of state on erasures
  for each row when (new.state is distinct from old.state) execute function announce_change('erasures', 'id');`);
  }
}
