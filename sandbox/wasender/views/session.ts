import { spell } from '../linking.ts';
import type { State } from '../state.ts';
import type { Session } from '../types.ts';

const withoutMilliseconds = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/** A session; key and secret only where the list is not. */
export function sessionView(state: State, session: Session, where: 'list' | 'one'): object {
  const { id, settings } = session;
  return {
    id: state.variants.values.session_id_type === 'text' ? String(id) : id,
    name: settings.name,
    phone_number: settings.phone_number,
    status: spell(state, session.status, 'lower', id),
    account_protection: settings.account_protection,
    log_messages: settings.log_messages,
    read_incoming_messages: settings.read_incoming_messages,
    webhook_url: settings.webhook_url,
    webhook_enabled: settings.webhook_enabled,
    webhook_events: settings.webhook_events,
    ...(where === 'one' && { api_key: session.apiKey, webhook_secret: session.webhookSecret }),
    created_at: withoutMilliseconds(session.createdAt),
    updated_at: withoutMilliseconds(session.updatedAt),
  };
}
