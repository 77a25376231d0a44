import type { Provider } from '../provider.ts';
import { checkCredentials, listAccounts } from './account.ts';
import { detailsOf } from './account-details.ts';
import { conversations } from './conversations.ts';
import { anotherWay, answer, begin, check, resend, restore, revoke } from './login.ts';
import { credentialsSchema, validateLoginInput } from './login-input.ts';
import { readCallback } from './login-page.ts';
import { findUnconfirmedLogins } from './login-unconfirmed.ts';
import { media } from './media.ts';
import { messages } from './messages.ts';
import { checkSettings, settings } from './settings.ts';
import { readWebhook } from './webhooks.ts';
import { registerWebhooks, secretHeader, webhookTargets } from './webhooks-registration.ts';

export const unipile = {
  name: 'unipile',
  title: 'UniPile',
  capabilities: {
    channels: {
      whatsapp: { methods: ['qr', 'hosted'] },
      telegram: { methods: ['qr', 'hosted'] },
      linkedin: { methods: ['credentials', 'hosted'] },
      instagram: { methods: ['credentials', 'hosted'] },
      messenger: { methods: ['credentials', 'hosted'] },
      mail: { methods: ['credentials', 'hosted'] },
    },
  },
  settings,
  checkSettings,
  credentialsSchema,
  validateLoginInput,
  login: { begin, answer, resend, anotherWay, check, findUnconfirmedLogins, restore, revoke },
  account: {
    checkCredentials,
    details: (call, view) => Promise.resolve(detailsOf(call, view)),
    list: listAccounts,
    registerWebhooks,
    webhookTargets,
  },
  messages,
  conversations,
  media,
  webhooks: {
    header: secretHeader,
    paths: ['/api/v1/webhooks/unipile', '/api/unipile/webhook'],
    selfTest: (mark) => ({ event: 'patchbay_doctor', mark }),
    read: readWebhook,
    readCallback,
  },
} satisfies Provider;
