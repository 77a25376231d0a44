import type { Provider } from '../provider.ts';
import { checkCredentials, listAccounts } from './account.ts';
import { detailsOf } from './account-details.ts';
import { contacts } from './contacts.ts';
import { conversations } from './conversations.ts';
import { answer, begin, check, restore, revoke } from './login.ts';
import { credentials, validateLoginInput } from './login-input.ts';
import { findUnconfirmedLogins } from './login-unconfirmed.ts';
import { media } from './media.ts';
import { messages } from './messages.ts';
import { checkSettings, settings } from './settings.ts';
import { readWebhook } from './webhooks.ts';
import { registerWebhooks, subscribe, webhookTargets } from './webhooks-registration.ts';

/** WASender's API: WhatsApp numbers, each a session with a key and a webhook secret of its own. */
export const wasender = {
  name: 'wasender',
  title: 'WASender',
  capabilities: { channels: { whatsapp: { methods: ['qr'] } } },
  settings,
  checkSettings,
  credentialsSchema: () => credentials,
  validateLoginInput,
  login: { begin, answer, check, findUnconfirmedLogins, restore, revoke },
  account: {
    checkCredentials,
    details: (call, view) => Promise.resolve(detailsOf(call, view)),
    list: listAccounts,
    registerWebhooks,
    webhookTargets,
    subscribe,
  },
  contacts,
  messages,
  conversations,
  media,
  webhooks: {
    // The header's name says signature, and it holds the session's webhook secret itself.
    header: 'X-Webhook-Signature',
    paths: [],
    selfTest: (mark) => ({ event: 'patchbay.doctor', mark }),
    read: readWebhook,
  },
} satisfies Provider;
