import type { AccountDetails } from '../../domain/details.ts';
import { formatPhone, phoneCountry, toE164 } from '../../domain/phone.ts';
import type { AccountView, ProviderCall } from '../provider.ts';
import { messagingEvents } from './registrations.ts';

interface AccountBody {
  object?: string;
  type?: string;
  name?: string;
  created_at?: string;
  groups?: string[] | null;
  sources?: { id?: string; status?: string }[] | null;
  connection_params?: { im?: { phone_number?: string } } | null;
}

/** The ten and eight points from an account object of UniPile. It states no limits, so those are null. */
export function detailsOf(call: ProviderCall, view: AccountView): AccountDetails {
  const account = (view.raw ?? {}) as AccountBody;
  const sources = (account.sources ?? []).map(({ id = '', status = 'UNKNOWN' }) => ({ id, status }));
  const messaging = sources.find(({ id }) => id.endsWith('_MESSAGING')) ?? sources[0];
  const phone = toE164(account.connection_params?.im?.phone_number);
  const works = messaging?.status === 'OK';
  const isMail = call.channel === 'mail';
  return {
    connection_config: {
      phone_number: phone,
      account_type: account.type ?? 'UNKNOWN',
      messaging_status: messaging?.status ?? 'UNKNOWN',
      messaging_source_id: messaging?.id ?? null,
      created_at: account.created_at ?? null,
      sources,
      groups: account.groups ?? [],
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
        display_name: account.name ?? null,
        creation_date: account.created_at ?? null,
      },
      messaging_enabled: works,
      provider_type: account.type ?? 'UNKNOWN',
      formatted_phone_number: phone ? formatPhone(phone) : null,
    },
  };
}
