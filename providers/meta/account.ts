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
 * Ends the login: no more events come, unless other accounts share what they come from. `shared` are the groups that other
 * accounts are in, too; the owner's permissions are taken back only where it is known that none needs them.
 */
export async function revoke(call: ProviderCall, shared?: readonly string[]): Promise<void> {
  const { keys } = call;
  if (!keys?.apiKey) return;
  const isShared = (kind: string): boolean => shared?.some((group) => group.startsWith(`${kind}:`)) ?? false;
  if (!isShared('page') && !isShared('waba')) await unlessOver(unsubscribe(call));
  if (shared && !isShared('user')) await takeBackPermissions(call);
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
