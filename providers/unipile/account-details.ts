import type { AccountDetails } from '../../domain/accounts.ts';
import { formatPhone, phoneCountry, toE164 } from '../../domain/phone.ts';
import type { AccountView, ProviderCall } from '../provider.ts';
import { decidingSources, param, readAccount } from './account-object.ts';
import { messagingEvents } from './webhooks-registration.ts';

/** The ten and eight points from an account object of UniPile. It states no limits, so those are null. */
export function detailsOf(call: ProviderCall, view: AccountView): AccountDetails {
  const account = readAccount(view.raw);
  const sources = account.sources.map(({ id, status }) => ({ id: id ?? '', status: status ?? 'UNKNOWN' }));
  const deciding = decidingSources(account).map(({ id }) => id);
  const messaging =
    sources.find(({ id }) => id.endsWith('_MESSAGING')) ?? sources.find(({ id }) => deciding.includes(id || null));
  const phone = toE164(param(account.connection_params.im, 'phone_number'));
  const works = messaging?.status === 'OK';
  const isMail = call.channel === 'mail';
  const type = account.type ?? 'UNKNOWN';
  return {
    connection_config: {
      phone_number: phone,
      account_type: type,
      messaging_status: messaging?.status ?? 'UNKNOWN',
      messaging_source_id: messaging?.id || null,
      created_at: account.created_at,
      sources,
      groups: account.groups.filter((one) => typeof one === 'string'),
      last_api_sync: new Date(call.now).toISOString(),
      full_api_response: view.raw,
      api_object_type: account.object ?? 'Account',
    },
    provider_config: {
      features: { send: works, receive: works, read_receipts: !isMail, delivery_status: !isMail, media: true },
      webhook_events: [...messagingEvents],
      rate_limits: { per_hour: null, per_day: null, burst: null },
      notification_preferences: { messages: true, receipts: !isMail, account_status: true },
      account_metadata: {
        country_code: phone ? phoneCountry(phone) : null,
        display_name: account.name,
        creation_date: account.created_at,
      },
      messaging_enabled: works,
      provider_type: type,
      formatted_phone_number: phone ? formatPhone(phone) : null,
    },
  };
}
