import type { Provider } from '../provider.ts';
import { hmacOf, hmacSignature, hubChallenge } from '../shared/webhook-proof.ts';
import { checkCredentials, listAccounts, revoke } from './account.ts';
import { detailsOf } from './account-details.ts';
import { check } from './account-view.ts';
import { callbacks } from './callbacks.ts';
import { conversations } from './conversations.ts';
import { answer, begin, oauth } from './login.ts';
import { credentialsSchema, validateLoginInput } from './login-input.ts';
import { media } from './media.ts';
import { messages } from './messages.ts';
import { checkSettings, settings } from './settings.ts';
import { missingEvents, registerWebhooks, subscribe, webhookTargets } from './subscriptions.ts';
import { tokens } from './tokens.ts';
import { versionNotices } from './versions.ts';
import { readWebhook, selfTest } from './webhooks.ts';

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
  account: {
    checkCredentials,
    details: detailsOf,
    list: listAccounts,
    registerWebhooks,
    subscribe,
    webhookTargets,
    missingEvents,
  },
  messages,
  conversations,
  media,
  webhooks: {
    header: 'X-Hub-Signature-256',
    signature: hmacSignature('sha256=', ['app_secret', 'instagram_app_secret']),
    olderSignature: { header: 'X-Hub-Signature', sign: hmacOf('sha1=', 'sha1') },
    paths: ['/api/webhooks/instagram', '/api/webhooks/messenger', '/api/webhooks/whatsapp'],
    refusedAtPaths: 403,
    challenge: hubChallenge(['verify_token']),
    selfTest,
    read: readWebhook,
  },
  callbacks,
} satisfies Provider;
