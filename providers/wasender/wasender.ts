import type { Provider } from '../provider.ts';
import { contacts } from './contacts.ts';
import { detailsOf } from './details.ts';
import { findUnconfirmedLogins, listAccounts } from './find-unconfirmed-logins.ts';
import { validateLoginInput } from './login-input.ts';
import { anotherWay, answer, begin, check, resend, restore, revoke } from './login.ts';
import { send } from './send.ts';
import { checkSettings } from './settings.ts';
import { registerWebhooks, subscribe } from './subscription.ts';
import { readWebhook, shownSecret } from './webhooks.ts';

/** WASender's API: WhatsApp numbers, each a session with a key and a webhook secret of its own. */
export const wasender: Provider = {
  name: 'wasender',
  capabilities: {
    channels: { whatsapp: { methods: ['qr'] } },
    resend: false,
    anotherWay: false,
    restore: true,
  },
  checkSettings,
  validateLoginInput,
  login: { begin, answer, resend, anotherWay, check, findUnconfirmedLogins, restore, revoke },
  account: {
    details: (call, view) => Promise.resolve(detailsOf(call, view)),
    list: listAccounts,
    registerWebhooks,
    subscribe,
  },
  contacts,
  send,
  webhooks: { shownSecret, read: readWebhook, readCallback: () => null },
};
