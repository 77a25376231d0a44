import type { ProviderCall } from '../provider.ts';

/** A number that was taken over from the settings' WhatsApp account has no keys of its own yet. */
export function withKeys(call: ProviderCall): ProviderCall {
  const { whatsapp_access_token: apiKey, whatsapp_business_account_id: business } = call.settings;
  const isKnown = call.keys?.apiKey || call.channel !== 'whatsapp' || !apiKey;
  return isKnown ? call : { ...call, keys: { ...call.keys, apiKey, business } };
}
