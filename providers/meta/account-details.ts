import type { AccountDetails } from '../../domain/accounts.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import { formatPhone, phoneCountry } from '../../domain/phone.ts';
import { asObject, type JsonObject } from '../json-object.ts';
import type { AccountView, ProviderCall } from '../provider.ts';
import { nameIn, textIn } from '../shared/told-values.ts';
import { instagramIn } from './account-objects.ts';
import { hostOf, nodeOf } from './ids.ts';
import { consequencesOf } from './scopes.ts';
import { fieldsOf, subscribedFields } from './subscriptions.ts';
import { withKeys } from './whatsapp-keys.ts';

type Source = AccountDetails['connection_config']['sources'][number];

/** Messages that a number may send in a second, by its level of throughput; in one minute sixty times as many. */
const perSecond: Readonly<Record<string, number>> = { STANDARD: 80, HIGH: 1_000 };

/** The ten and eight points of a Page, an Instagram account or a number, as far as Meta tells them. */
export async function detailsOf(given: ProviderCall, view: AccountView): Promise<AccountDetails> {
  const call = withKeys(given);
  const object = asObject(view.raw);
  if (!object) throw new ProviderFailure(view.reason ?? 'login_lost', 'Meta shows nothing of a login that is over.');
  const phone = call.channel === 'whatsapp' ? view.identity : null;
  const works = view.status === 'linked';
  const fields = await fieldsNow(call);
  const events = fields ? fieldsOf(call).filter((field) => fields.includes(field)) : [];
  const reports = (...names: string[]): boolean => names.some((name) => events.includes(name));
  const id = call.providerAccountId;
  const status = view.reported.toUpperCase();
  return {
    connection_config: {
      phone_number: phone,
      account_type: types[call.channel as keyof typeof types] ?? 'UNKNOWN',
      messaging_status: status,
      messaging_source_id: id,
      created_at: null,
      sources: [...(id ? [{ id, status }] : []), ...limitations(call, object, works && !events.length)],
      groups: [...(view.groups ?? [])],
      last_api_sync: new Date(call.now).toISOString(),
      full_api_response: view.raw,
      api_object_type: objectTypes[call.channel as keyof typeof objectTypes] ?? 'unknown',
    },
    provider_config: {
      features: {
        send: works,
        receive: works && reports('messages'),
        read_receipts: reports('message_reads', 'messaging_seen') || call.channel === 'whatsapp',
        delivery_status: reports('message_deliveries') || call.channel === 'whatsapp',
        media: true,
      },
      webhook_events: events,
      rate_limits: { per_hour: null, per_day: null, burst: burstOf(object) },
      notification_preferences: {
        messages: reports('messages'),
        receipts: reports('message_reads', 'messaging_seen') || (call.channel === 'whatsapp' && reports('messages')),
        account_status: reports('account_update'),
      },
      account_metadata: {
        country_code: phone ? phoneCountry(phone) : null,
        display_name: displayName(call, object),
        creation_date: null,
      },
      messaging_enabled: works,
      provider_type: 'META',
      formatted_phone_number: phone ? formatPhone(phone) : null,
    },
  };
}

const types = { whatsapp: 'WHATSAPP', instagram: 'INSTAGRAM', messenger: 'MESSENGER' } as const;
const objectTypes = { whatsapp: 'phone_number', instagram: 'instagram_account', messenger: 'page' } as const;

/** Null where the account is not subscribed, or a permission to ask is missing. */
async function fieldsNow(call: ProviderCall): Promise<readonly string[] | null> {
  try {
    return await subscribedFields(call);
  } catch (error) {
    if (error instanceof ProviderFailure && unknown.has(error.code)) return null;
    throw error;
  }
}

const unknown: ReadonlySet<string> = new Set(['permission_missing', 'not_found', 'request_refused']);

/** Parts that do not work while messages do, as sources beside the account's own. */
function limitations(call: ProviderCall, object: JsonObject | null, isDeaf: boolean): Source[] {
  const found = (call.keys?.scopes ? consequencesOf(call.channel, hostOf(call), call.keys.scopes) : []).map(
    ({ scope, text }): Source => ({ id: scope, status: `NOT_GRANTED: ${text}` }),
  );
  if (isDeaf) found.push({ id: `${nodeOf(call)} webhooks`, status: 'NOT_SUBSCRIBED: New messages are not reported.' });
  const quality = textIn(object?.['quality_rating'])?.toUpperCase();
  if (quality === 'YELLOW' || quality === 'RED') found.push({ id: 'quality', status: quality });
  return found;
}

function burstOf(object: JsonObject | null): number | null {
  const level = textIn(asObject(object?.['throughput'])?.['level'])?.toUpperCase();
  const most = level === undefined ? undefined : perSecond[level];
  return most === undefined ? null : most * 60;
}

function displayName(call: ProviderCall, object: JsonObject | null): string | null {
  if (call.channel === 'whatsapp') return nameIn(object?.['verified_name']);
  const account = call.channel === 'instagram' ? instagramIn(object) : object;
  return nameIn(account?.['name']) ?? nameIn(account?.['username']);
}
