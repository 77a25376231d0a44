import type { AccountDetails, AccountKeys } from '../../../domain/accounts.ts';
import { ProviderFailure } from '../../../domain/failures.ts';
import { personWithKeys, type SeenMessage } from '../../../domain/seen-messages.ts';
import type { EventContent, WebhookEvent } from '../../../domain/webhook-events.ts';
import type { Provider, ProviderCall } from '../../../providers/provider.ts';
import { notFound } from '../../../providers/shared/account-view.ts';
import { hmacSignature, hubChallenge } from '../../../providers/shared/webhook-proof.ts';
import { callbacks } from './callbacks.ts';
import { upstream } from './upstream.ts';

/**
 * A provider with everything that the others do not have: OAuth, a choice of pages, keys that expire, signed webhooks, groups
 * of accounts, and signed requests about its users.
 */
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
  notices: ({ app_id: id }) => (id === '101' ? ['App 101 ends soon: make another one.'] : []),

  login: {
    begin: () => Promise.reject(new ProviderFailure('unsupported', 'Pagelink logs in by OAuth alone.')),
    answer: (call, _content, page) => Promise.resolve(pageLogin(call, page)),
    check: (call) => {
      const page = upstream.pages.find(({ id }) => id === call.providerAccountId);
      if (!page) return Promise.resolve(notFound);
      if (upstream.checkFailure) return Promise.reject(upstream.checkFailure);
      const works = upstream.works(call.keys?.apiKey, call.now);
      return Promise.resolve({
        groups: groupsOf(call),
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
      const keys = { apiKey: upstream.issue('user', code.split('@')[1] ?? 'owner', call.now) };
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
        groups: groupsOf({ ...call, keys }),
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
    endsOld: true,
    refreshToken: async (call) => {
      const page = call.providerAccountId ?? '';
      upstream.count(upstream.asked, page);
      const refusal = upstream.refusals.get(page)?.(call.now);
      if (refusal) throw refusal;
      if (!upstream.works(call.keys?.apiKey, call.now)) throw new ProviderFailure('login_lost', 'The token has ended.');
      const keys = pageKeys(call);
      upstream.tokens.delete(call.keys?.apiKey ?? '');
      upstream.count(upstream.renewed, page);
      await upstream.beforeAnswer();
      return keys;
    },
  },
  callbacks,

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
        const of = id.startsWith('user:') ? { providerAccountId: null, providerGroup: id } : { providerAccountId: id };
        const event = { type: change, ...of, dedupeKey: `${id}:${change}`, subjects: [] };
        if (change.startsWith('hello')) return { ...event, ...greeting(id, change) };
        return change === 'deauthorized'
          ? { ...event, kind: 'account_status', status: 'login_lost' }
          : { ...event, kind: 'other' };
      });
      return { body, events, mentions: [] };
    },
  },
};

function pageLogin(call: ProviderCall, page: string) {
  if (!upstream.works(call.keys?.apiKey, call.now))
    throw new ProviderFailure('checkpoint_expired', 'The token that the choice needs is gone.');
  return { providerAccountId: page, keys: pageKeys(call), groups: groupsOf(call), next: { linked: true } as const };
}

/** Of the user whose token it is. */
const userOf = ({ keys }: ProviderCall): string => upstream.users.get(keys?.apiKey ?? '') ?? 'owner';
const groupsOf = (call: ProviderCall): string[] => [`user:${userOf(call)}`];

const pageKeys = (call: ProviderCall): AccountKeys => ({
  apiKey: upstream.issue('page', userOf(call), call.now),
  refreshAt: call.now + upstream.refreshAfterMs,
  expiresAt: call.now + upstream.lifeMs,
  scopes: ['pages_messaging'],
});

/** What every account of a group is told at once. */
function greeting(group: string, text: string): EventContent {
  const keys = [`${group}-chat`];
  const message: SeenMessage = {
    keys: [`${group}:${text}`],
    conversationKeys: keys,
    direction: 'in',
    sender: { ...personWithKeys([`${group}-guest`]), name: 'Guest' },
    text,
    sentAt: Date.UTC(2026, 4, 4, 10),
    status: null,
    deleted: false,
    quotedKey: null,
    attachments: [],
    reactions: [],
  };
  return { kind: 'message', message, conversation: { keys, kind: 'person' } };
}

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
