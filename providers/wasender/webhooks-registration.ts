import type { WebhookTargets } from '../contract/account.ts';
import type { CredentialsCall, ProviderCall } from '../provider.ts';
import type { Json } from './fields.ts';
import { askAccount } from './client.ts';
import { segment } from './ids.ts';
import { fetchSession, listSessions, type Session } from './account-object.ts';
import { soleSessionKey } from './settings.ts';

/** What sessions are subscribed to. `messages.upsert` holds what is sent from the phone, too. */
const subscribedEvents = [
  'session.status',
  'contacts.upsert',
  'contacts.update',
  'messages.received',
  'messages.upsert',
  'messages.update',
  'messages.delete',
  'messages.reaction',
  'message-receipt.update',
  'message.sent',
  'chats.upsert',
  'chats.update',
  'chats.delete',
  'groups.upsert',
  'groups.update',
  'group-participants.update',
] as const;

/** A session's webhook is a setting of the session: there is one registration for all, and none has an id. */
const registration = 'sessions';

/**
 * Corrects the webhook of each session whose events go to this path under another host, which `PUBLIC_URL` named
 * before. New sessions are given the address when they are made. The secret is WASender's own, one for each session.
 */
export async function registerWebhooks(call: CredentialsCall, address: string): Promise<string[]> {
  if (soleSessionKey(call.settings)) return [registration];
  const path = pathOf(address);
  for (const session of await listSessions(call))
    if (session.webhookUrl && session.webhookUrl !== address && pathOf(session.webhookUrl) === path)
      await pointWebhook(call, session, address);
  return [registration];
}

/** Has a session send its events to us, unless it sends them to an address that is not ours. */
export async function subscribe(call: ProviderCall): Promise<void> {
  if (soleSessionKey(call.settings) || !call.webhookAddress) return;
  const session = await fetchSession(call, call.providerAccountId);
  if (!session.webhookUrl || pathOf(session.webhookUrl) === pathOf(call.webhookAddress))
    await pointWebhook(call, session, call.webhookAddress);
}

/** PUT /whatsapp-sessions/{id}. The fields that creating wants are sent along: a partial update is not documented. */
export async function pointWebhook(call: CredentialsCall, session: Session, address: string): Promise<void> {
  const events = new Set(session.webhookEvents);
  const isAs =
    session.webhookUrl === address && session.webhookEnabled && subscribedEvents.every((event) => events.has(event));
  if (isAs) return;
  const body: Json = {
    ...(session.name ? { name: session.name } : {}),
    ...(session.phone ? { phone_number: session.phone } : {}),
    account_protection: session.accountProtection,
    log_messages: session.logMessages,
    webhook_url: address,
    webhook_enabled: true,
    webhook_events: [...subscribedEvents],
  };
  await askAccount(call, 'PUT', `/whatsapp-sessions/${segment(session.id)}`, { body });
}

const pathOf = (address: string): string | null => (URL.canParse(address) ? new URL(address).pathname : null);

/** The webhook of each session. The key of one session alone does not show it. */
export async function webhookTargets(call: CredentialsCall): Promise<WebhookTargets> {
  if (soleSessionKey(call.settings)) return () => null;
  const sessions = new Map((await listSessions(call)).map((session) => [session.id, session]));
  return ({ providerAccountId }) => {
    const session = sessions.get(providerAccountId ?? '');
    if (!session) return null;
    // A list may leave settings out.
    if (!('webhook_url' in session.raw)) return null;
    const isTold = 'webhook_events' in session.raw;
    const missing = isTold ? subscribedEvents.filter((event) => !session.webhookEvents.includes(event)) : [];
    return { address: session.webhookEnabled ? session.webhookUrl : null, missing };
  };
}
