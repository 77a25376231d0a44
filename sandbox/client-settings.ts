import { WHATSAPP } from './meta/whatsapp/accounts.ts';

/** WhatsApp Cloud at Meta's sandbox, as `stack.json` shows it. */
export const sandboxWhatsapp = {
  access_token: WHATSAPP.accessToken,
  business_account_id: WHATSAPP.businessAccountId,
  phone_number_id: WHATSAPP.phoneNumberId,
};

/** The environment in which Patchbay's providers use a sandbox at these addresses. */
export const sandboxSettings = (at: { unipileUrl: string; wasenderUrl: string; metaUrl: string }) => ({
  UNIPILE_DSN: at.unipileUrl,
  UNIPILE_ACCESS_TOKEN: 'sandbox-key',
  WASENDER_BASE_URL: at.wasenderUrl,
  WASENDER_API_TOKEN: '1|sandbox-pat',
  META_BASE_URL: at.metaUrl,
  META_APP_ID: 'sandbox-app',
  META_APP_SECRET: 'sandbox-app-secret',
  META_INSTAGRAM_APP_ID: 'sandbox-instagram-app',
  META_INSTAGRAM_APP_SECRET: 'sandbox-instagram-app-secret',
  WHATSAPP_ACCESS_TOKEN: sandboxWhatsapp.access_token,
  WHATSAPP_BUSINESS_ACCOUNT_ID: sandboxWhatsapp.business_account_id,
  WHATSAPP_PHONE_NUMBER_ID: sandboxWhatsapp.phone_number_id,
});

/** What is entered by hand at Meta: where the app is told that a person ended the login, or wants their data deleted. */
export async function setCallbacks(controlUrl: string, publicUrl: string, signal?: AbortSignal): Promise<void> {
  const base = `${publicUrl.replace(/\/$/, '')}/callbacks/meta`;
  const values = { deauthorize_url: `${base}/deauthorize`, data_deletion_url: `${base}/data-deletion` };
  for (const [name, value] of Object.entries(values)) {
    const answer = await fetch(`${controlUrl}/variants`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ provider: 'meta', name, value }),
      signal,
    });
    if (!answer.ok) throw new Error(`the sandbox refuses ${name}: ${await answer.text()}`);
  }
}
