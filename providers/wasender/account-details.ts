import type { AccountDetails } from '../../domain/accounts.ts';
import { formatPhone, phoneCountry } from '../../domain/phone.ts';
import type { AccountView, ProviderCall } from '../provider.ts';
import { asObject, field, text } from './fields.ts';
import { readSession } from './account-object.ts';

/**
 * Sending limits as published for paid plans; a session under account protection sends once in five seconds. Which
 * plan it is, the API does not tell.
 */
const limits = {
  usual: { per_hour: 256 * 60, per_day: null, burst: 256 },
  protected: { per_hour: 12 * 60, per_day: null, burst: 1 },
};

/** The ten and eight points of a session, as far as WASender knows them. Groups are not part of a session. */
export function detailsOf(call: ProviderCall, view: AccountView): AccountDetails {
  const session = readSession(view.raw);
  const user = asObject(field(asObject(view.raw), 'user'));
  const phone = view.identity;
  const works = view.status === 'linked';
  const reports = (event: RegExp): boolean =>
    session?.webhookEnabled === true && session.webhookEvents.some((one) => event.test(one));
  const status = view.reported.toUpperCase();
  const id = session?.id ?? call.providerAccountId;
  return {
    connection_config: {
      phone_number: phone,
      account_type: 'WHATSAPP',
      messaging_status: status,
      messaging_source_id: id,
      created_at: session?.createdAt ?? null,
      sources: id ? [{ id, status }] : [],
      groups: [],
      last_api_sync: new Date(call.now).toISOString(),
      full_api_response: view.raw,
      api_object_type: 'whatsapp_session',
    },
    provider_config: {
      features: { send: works, receive: works, read_receipts: true, delivery_status: true, media: true },
      webhook_events: session?.webhookEnabled ? session.webhookEvents : [],
      rate_limits: limits[session?.accountProtection ? 'protected' : 'usual'],
      notification_preferences: {
        messages: reports(/^messages(-\w+)?\.(received|upsert)$/),
        receipts: reports(/^(messages\.update|message-receipt\.update)$/),
        account_status: reports(/^session\.status$/),
      },
      account_metadata: {
        country_code: phone ? phoneCountry(phone) : null,
        display_name: text(user, 'name') ?? session?.name ?? null,
        creation_date: session?.createdAt ?? null,
      },
      messaging_enabled: works,
      provider_type: 'WASENDER',
      formatted_phone_number: phone ? formatPhone(phone) : null,
    },
  };
}
