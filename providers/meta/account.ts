import { ProviderFailure } from '../../domain/failures.ts';
import { toE164 } from '../../domain/phone.ts';
import type { CredentialsCall, ListedAccount, ProviderCall } from '../provider.ts';
import { textIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { hostOf, segment } from './ids.ts';
import { numbersOf } from './login-whatsapp.ts';
import { unsubscribe } from './subscriptions.ts';
import { inspectApp, inspectToken } from './token-info.ts';

/** The app's own token shows whether its number and secret belong together. */
export async function checkCredentials(call: CredentialsCall): Promise<void> {
  const { isValid } = await inspectApp(call);
  if (!isValid) throw new ProviderFailure('provider_key_rejected', 'Meta refuses the secret of the app.');
}

/** The numbers of the WhatsApp account in the settings. Pages and Instagram accounts show to their owners alone. */
export async function listAccounts(call: CredentialsCall): Promise<ListedAccount[]> {
  const { whatsapp_access_token: apiKey, whatsapp_business_account_id: business } = call.settings;
  if (!apiKey || !business) return [];
  const numbers = await numbersOf({ ...call, keys: { apiKey, business }, providerAccountId: null });
  return numbers.map(({ id, label, of }) => ({
    providerAccountId: id,
    channel: 'whatsapp',
    name: label,
    view: {
      status: 'linked',
      reported: textIn(of['status']) ?? 'UNKNOWN',
      identity: toE164(textIn(of['display_phone_number'])),
      createdAt: null,
      raw: of,
    },
  }));
}

/**
 * Ends the login: no more events come, and the owner's permissions are taken back, where the account is alone in what it
 * comes from. A Page may be of two accounts, an owner or a WhatsApp account of many.
 */
export async function revoke(call: ProviderCall, alone: readonly string[] = []): Promise<void> {
  if (!call.keys?.apiKey) return;
  const isAlone = (kind: string): boolean => alone.some((group) => group.startsWith(`${kind}:`));
  const isOwn = hostOf(call) === 'instagram' || isAlone('page') || isAlone('waba');
  if (isOwn) await unlessOver(unsubscribe(call));
  if (isAlone('user')) await takeBackPermissions(call);
}

/** Of a Facebook login; Instagram's own has no such call. */
async function takeBackPermissions(call: ProviderCall): Promise<void> {
  const token = call.keys?.parentKey;
  if (!token || hostOf(call) === 'instagram') return;
  const { userId } = await inspectToken(call, token);
  if (userId) await unlessOver(graph(call, 'DELETE', `/${segment(userId)}/permissions`, { token }));
}

/** A login that has ended already needs no end. */
async function unlessOver(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (!(error instanceof ProviderFailure) || !over.has(error.code)) throw error;
  }
}

const over: ReadonlySet<string> = new Set(['not_found', 'login_lost', 'owner_check_required', 'permission_missing']);
