import type { Provider } from '../provider.ts';
import { hmacSignature, hubChallenge } from '../shared/webhook-proof.ts';
import { checkCredentials, listAccounts, revoke } from './account.ts';
import { detailsOf } from './account-details.ts';
import { check } from './account-view.ts';
import { answer, begin, oauth } from './login.ts';
import { credentialsSchema, validateLoginInput } from './login-input.ts';
import { checkSettings, settings } from './settings.ts';
import { registerWebhooks, subscribe } from './subscriptions.ts';
import { tokens } from './tokens.ts';
import { versionNotices } from './versions.ts';

export const meta = {
  name: 'meta',
  title: 'Meta',
  capabilities: {
    channels: {
      instagram: { methods: ['oauth', 'token'] },
      messenger: { methods: ['oauth', 'token'] },
      whatsapp: { methods: ['token'] },
    },
  },
  settings,
  checkSettings,
  notices: versionNotices,
  credentialsSchema,
  validateLoginInput,
  login: { begin, answer, check, revoke },
  oauth,
  tokens,
  account: { checkCredentials, details: detailsOf, list: listAccounts, registerWebhooks, subscribe },
} as const;
