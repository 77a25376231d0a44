import type { Provider } from '../provider.ts';
import { detailsOf } from './details.ts';
import { findUnconfirmedLogins } from './find-unconfirmed-logins.ts';
import { readCallback } from './hosted.ts';
import { baseUrl } from './http.ts';
import { listAccounts } from './list-accounts.ts';
import { validateLoginInput } from './login-input.ts';
import { anotherWay, answer, begin, check, resend, restore, revoke } from './login.ts';
import { registerWebhooks } from './registrations.ts';
import { readWebhook, shownSecret } from './webhooks.ts';

/** UniPile's API v1. */
export const unipile: Provider = {
  name: 'unipile',
  capabilities: {
    channels: {
      whatsapp: { methods: ['qr', 'hosted'] },
      telegram: { methods: ['qr', 'hosted'] },
      linkedin: { methods: ['credentials', 'hosted'] },
      instagram: { methods: ['credentials', 'hosted'] },
      messenger: { methods: ['credentials', 'hosted'] },
      mail: { methods: ['credentials', 'hosted'] },
    },
    resend: true,
    anotherWay: true,
    restore: true,
  },
  checkSettings: ({ dsn, access_token: token }) => {
    if (!dsn || !baseUrl(dsn))
      return 'dsn must be the host and port of your UniPile API, such as api1.unipile.com:13111.';
    if (!token) return 'access_token is missing.';
    // It goes into a header as it is.
    return /^[\x21-\x7e]+$/.test(token) ? null : 'access_token has characters that a token cannot have.';
  },
  validateLoginInput,
  login: { begin, answer, resend, anotherWay, check, findUnconfirmedLogins, restore, revoke },
  account: {
    details: (call, view) => Promise.resolve(detailsOf(call, view)),
    list: listAccounts,
    registerWebhooks,
  },
  webhooks: { shownSecret, read: readWebhook, readCallback },
};
