import type { AccountDetails, AccountKeys } from '../../../domain/accounts.ts';
import { ProviderFailure } from '../../../domain/failures.ts';
import type { WebhookEvent } from '../../../domain/webhook-events.ts';
import type { CredentialsCall, Provider, ProviderCall } from '../../../providers/provider.ts';
import { notFound } from '../../../providers/shared/account-view.ts';
import { hmacSignature, hubChallenge } from '../../../providers/shared/webhook-proof.ts';
import { upstream } from './upstream.ts';

/** A provider with everything that the others do not have: OAuth, a choice of pages, keys that expire, signed webhooks. */
export const pagelink: Provider = {
  name: 'pagelink',
  title: 'Pagelink',
  capabilities: { channels: { messenger: { methods: ['oauth'] } } },
  settings: {
    app_id: { env: 'PAGELINK_APP_ID', kind: 'text', required: true, description: "the app's number" },
    app_secret: { env: 'PAGELINK_APP_SECRET', kind: 'text', required: true, description: "the app's secret" },
    verify_token: { env: 'PAGELINK_VERIFY_TOKEN', kind: 'text', required: false, description: 'shown by challenges' },
    return_url: { env: 'PAGELINK_RETURN_URL', kind: 'url', required: false, description: 'where owners come back' },
    graph_url: { env: 'PAGELINK_URL', kind: 'url', required: false, description: 'where its API is' },
  },
  checkSettings: ({ app_id: id, app_secret: secret }) =>
    /^\d+$/.test(id ?? '') && secret ? null : 'app_id must be a number, and app_secret is needed.',
  validateLoginInput: () => null,

  login: {
    begin: () => Promise.reject(new ProviderFailure('unsupported', 'Pagelink logs in by OAuth alone.')),
    answer: (call, _content, page) => Promise.resolve(pageLogin(call, page)),
    check: (call) => {
      const page = upstream.pages.find(({ id }) => id === call.providerAccountId);
      if (!page) return Promise.resolve(notFound);
      const works = upstream.tokens.has(call.keys?.apiKey ?? '');
      return Promise.resolve({
        status: works ? 'linked' : 'login_lost',
        reported: works ? 'valid' : 'token invalid',
        identity: page.id,
        createdAt: null,
        raw: page,
      });
    },
    revoke: () => Promise.resolve(),
  },

  oauth: {
    redirectSetting: 'return_url',
    paths: ['/api/pagelink/callback'],
    authorizationUrl: ({ settings }, { oauth: { redirectUri, state } }) =>
      `https://pagelink.example/dialog?${new URLSearchParams({ client_id: settings.app_id ?? '', redirect_uri: redirectUri, state }).toString()}`,
    exchange: (call, code, { credentials, oauth }) => {
      upstream.exchanges.push({ code, redirectUri: oauth.redirectUri });
      if (!upstream.codes.delete(code))
        return Promise.reject(new ProviderFailure('wrong_answer', 'The code does not count.'));
      const keys = { apiKey: upstream.issue('user') };
      if (call.providerAccountId) return Promise.resolve(pageLogin({ ...call, keys }, call.providerAccountId));
      const [first] = upstream.pages;
      if (!first) return Promise.reject(new ProviderFailure('request_refused', 'The login has no page.'));
      if (credentials['choose'] === 'first')
        return Promise.resolve({
          ...pageLogin({ ...call, keys }, first.id),
          taken: { label: first.name, of: upstream.pages.length },
        });
      const options = upstream.pages.map(({ id, name }) => ({ id, label: name }));
      return Promise.resolve({
        providerAccountId: null,
        keys,
        next: {
          linked: false,
          content: { kind: 'choose', options },
          expiresAt: null,
          canResend: false,
          canTryAnotherWay: false,
        },
      });
    },
  },

  tokens: {
    refreshToken: (call) => {
      upstream.tokens.delete(call.keys?.apiKey ?? '');
      return Promise.resolve(pageKeys(call));
    },
  },

  account: {
    checkCredentials: ({ settings }) =>
      settings.app_secret === upstream.appSecret
        ? Promise.resolve()
        : Promise.reject(new ProviderFailure('provider_key_rejected', 'Pagelink refuses the app secret.')),
    details: (call) => Promise.resolve(details(call)),
  },

  webhooks: {
    header: 'X-Hub-Signature-256',
    signature: hmacSignature('sha256=', ['app_secret']),
    paths: ['/api/pagelink/webhook'],
    refusedAtPaths: 403,
    challenge: hubChallenge(['verify_token']),
    selfTest: (mark) => ({ entry: [{ id: mark, change: 'doctor' }] }),
    read: ({ raw }) => {
      const body = raw.toString('utf8');
      const { entry } = JSON.parse(body) as { entry: { id: string; change: string }[] };
      const events = entry.map(({ id, change }): WebhookEvent => {
        const event = { type: change, providerAccountId: id, dedupeKey: `${id}:${change}`, subjects: [] };
        return change === 'deauthorized'
          ? { ...event, kind: 'account_status', status: 'login_lost' }
          : { ...event, kind: 'other' };
      });
      return { body, events, mentions: [] };
    },
  },
};

function pageLogin(call: ProviderCall, page: string) {
  if (!upstream.tokens.has(call.keys?.apiKey ?? ''))
    throw new ProviderFailure('checkpoint_expired', 'The token that the choice needs is gone.');
  return { providerAccountId: page, keys: pageKeys(call), next: { linked: true } as const };
}

const pageKeys = ({ now }: CredentialsCall): AccountKeys => ({
  apiKey: upstream.issue('page'),
  refreshAt: now + upstream.refreshAfterMs,
  expiresAt: now + 60 * 24 * 60 * 60_000,
  scopes: ['pages_messaging'],
});

const details = ({ now, providerAccountId }: ProviderCall): AccountDetails => ({
  connection_config: {
    phone_number: null,
    account_type: 'PAGE',
    messaging_status: 'OK',
    messaging_source_id: providerAccountId,
    created_at: null,
    sources: [],
    groups: [],
    last_api_sync: new Date(now).toISOString(),
    api_object_type: 'page',
  },
  provider_config: {
    features: { send: true, receive: true, read_receipts: true, delivery_status: true, media: true },
    webhook_events: [],
    rate_limits: { per_hour: null, per_day: null, burst: null },
    notification_preferences: { messages: true, receipts: true, account_status: true },
    account_metadata: { country_code: null, display_name: null, creation_date: null },
    messaging_enabled: true,
    provider_type: 'PAGELINK',
    formatted_phone_number: null,
  },
});
