import { createHmac } from 'node:crypto';
import { ApiError } from '../server/errors.ts';
import type { State } from './state.ts';
import { tokensOf } from './tokens.ts';
import type { App, Asset, Person, PhoneNumber, Token } from './types.ts';
import { accountItem } from './webhooks/whatsapp-items.ts';
import { emit } from './webhooks/emit.ts';

/** Words for what ends a token, and the subcode of error 190 that it then answers. */
const ENDINGS = {
  app_removed: 458,
  checkpoint: 459,
  password_changed: 460,
  expired: 463,
  unconfirmed: 464,
  logged_out: 467,
  role_lost: 492,
} as const;
type Ending = keyof typeof ENDINGS;

/** Of a number: it is told by `account_update`, and shown in its `status`. */
const NUMBER_STATUSES = ['DISCONNECTED', 'BANNED', 'RESTRICTED', 'FLAGGED'] as const;

const OTHERS = ['ok', 'permission_withdrawn', 'unsubscribed', 'data_deletion'] as const;
const WORDS = [...Object.keys(ENDINGS), ...OTHERS, ...NUMBER_STATUSES.map((one) => one.toLowerCase())];

/** In any case, with spaces or dashes, or as the subcode. Throws 400. */
export function dropStatus(text: string): string {
  const word = text
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
  const bySubcode = Object.entries(ENDINGS).find(([, subcode]) => String(subcode) === word)?.[0];
  if (bySubcode !== undefined) return bySubcode;
  if (WORDS.includes(word)) return word;
  throw new ApiError(400, `status must be one of ${WORDS.join(', ')}`);
}

/** What a status does to an account: `word` is of `dropStatus`. */
export function drop(state: State, asset: Asset, word: string): void {
  if (word === 'ok') return restore(state, asset);
  if (asset.channel === 'whatsapp' && NUMBER_STATUSES.some((one) => one.toLowerCase() === word)) {
    return changeNumber(state, asset, word.toUpperCase());
  }
  const tokens = tokensOfAsset(state, asset);
  if (word === 'unsubscribed') return unsubscribe(state, asset);
  if (word === 'permission_withdrawn') {
    for (const token of tokens) for (const scope of token.scopes) if (/messag/.test(scope)) token.scopes.delete(scope);
    return;
  }
  if (word === 'data_deletion') return forEachApp(state, asset, tokens, requestDeletion);
  if (!(word in ENDINGS)) throw new ApiError(400, `a ${asset.channel} account takes no status ${word}`);
  if (word === 'app_removed') {
    if (asset.channel === 'whatsapp') emit(state, asset, [accountItem(state, asset, 'PARTNER_APP_UNINSTALLED')]);
    return forEachApp(state, asset, tokens, (one, person, app) => removeApp(one, person, app.id, { callback: true }));
  }
  // A role is of one Page; whatever else ends a session ends all of the person's.
  const isOfPage = word === 'role_lost' || word === 'expired';
  const people = new Set(tokens.map(({ userId }) => userId));
  const ended = isOfPage ? tokens : tokensOf(state, ({ userId }) => userId !== null && people.has(userId));
  for (const token of ended) token.endedBy ??= ENDINGS[word as Ending];
  if (asset.channel === 'whatsapp' && ended.length === 0) throw new ApiError(409, 'no token reaches this number');
}

/** That a client could use for the account: its own, and user tokens from which it is derived. */
function tokensOfAsset(state: State, asset: Asset): Token[] {
  if (asset.channel === 'whatsapp') return tokensOf(state, ({ assetId }) => assetId === asset.wabaId);
  const pageId = asset.channel === 'messenger' ? asset.id : asset.pageId;
  return tokensOf(
    state,
    ({ assetId, pageIds }) =>
      assetId === asset.id || (pageId !== null && (assetId === pageId || pageIds.includes(pageId))),
  );
}

/** What a drop did is taken back, where time has not ended the token. */
function restore(state: State, asset: Asset): void {
  for (const token of tokensOfAsset(state, asset)) token.endedBy = null;
  if (asset.channel === 'whatsapp' && asset.status !== 'CONNECTED') changeNumber(state, asset, 'CONNECTED');
}

/** The person has done at facebook.com what a checkpoint asks. Throws 409. */
export function passCheckpoint(state: State, asset: Asset): void {
  const held = tokensOfAsset(state, asset).filter(({ endedBy }) => endedBy === 459 || endedBy === 464);
  if (held.length === 0) throw new ApiError(409, 'nothing to approve: no checkpoint holds the tokens of this account');
  for (const token of held) token.endedBy = null;
}

const UPDATES: Record<string, { event: string; more: object }> = {
  DISCONNECTED: {
    event: 'ACCOUNT_OFFBOARDED',
    more: { disconnection_info: { reason: 'ACCOUNT_DISCONNECTED', initiated_by: 'USER' } },
  },
  BANNED: {
    event: 'DISABLED_UPDATE',
    more: { ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'November 20, 2026' } },
  },
  RESTRICTED: {
    event: 'ACCOUNT_RESTRICTION',
    more: { restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: '1800000000' }] },
  },
  FLAGGED: { event: 'ACCOUNT_VIOLATION', more: { violation_info: { violation_type: 'SPAM' } } },
  CONNECTED: { event: 'ACCOUNT_RECONNECTED', more: {} },
};

function changeNumber(state: State, number: PhoneNumber, status: string): void {
  number.status = status;
  const { event, more } = UPDATES[status] ?? { event: status, more: {} };
  emit(state, number, [accountItem(state, number, event, { phone_number: number.phone, ...more })]);
}

function unsubscribe(state: State, asset: Asset): void {
  if (asset.channel === 'whatsapp') state.world.wabas.get(asset.wabaId)?.subscribedApps.clear();
  else asset.subscribedApps.clear();
  if (asset.channel === 'instagram' && asset.pageId !== null)
    state.world.pages.get(asset.pageId)?.subscribedApps.clear();
}

/** Once for each app and person with a token. */
function forEachApp(
  state: State,
  asset: Asset,
  tokens: readonly Token[],
  job: (state: State, person: Person, app: App) => void,
): void {
  const done = new Set<string>();
  for (const { userId, appId } of tokens) {
    const person = [...state.world.people.values()].find(({ id }) => id === userId);
    const app = state.world.apps.get(appId);
    if (!person || !app || done.has(`${person.id} ${app.id}`)) continue;
    done.add(`${person.id} ${app.id}`);
    job(state, person, app);
  }
  if (done.size > 0) return;
  if (asset.channel !== 'whatsapp') throw new ApiError(409, 'this account is connected to no app');
  for (const token of tokens) token.endedBy ??= ENDINGS.app_removed;
}

/** Ends all tokens that the person gave the app, and its subscriptions; at Facebook, the app is called. */
export function removeApp(state: State, person: Person, appId: string, { callback }: { callback: boolean }): void {
  for (const token of tokensOf(state, (one) => one.userId === person.id && one.appId === appId)) token.endedBy ??= 458;
  for (const id of person.pageIds) state.world.pages.get(id)?.subscribedApps.delete(appId);
  if (person.instagramId !== null) state.world.instagrams.get(person.instagramId)?.subscribedApps.delete(appId);
  person.granted.clear();
  const app = state.world.apps.get(appId);
  if (callback && app)
    postSigned(state, app, app.deauthorizeUrl ?? state.variants.values.deauthorize_url, person, 'deauthorize');
}

function requestDeletion(state: State, person: Person, app: App): void {
  const url = app.dataDeletionUrl ?? state.variants.values.data_deletion_url;
  if (url === null)
    throw new ApiError(409, 'the app has no address for data deletion: set the variant data_deletion_url');
  postSigned(state, app, url, person, 'data_deletion');
}

/** `signed_request` in a form: the HMAC is over the encoded payload. */
function postSigned(state: State, app: App, url: string | null, person: Person, label: string): void {
  if (url === null) return;
  const now = Math.floor(state.shared.clock.now() / 1000);
  const fields = {
    algorithm: 'HMAC-SHA256',
    issued_at: now,
    user_id: person.id,
    ...(label === 'data_deletion' && { expires: now + 3600 }),
  };
  const payload = Buffer.from(JSON.stringify(fields)).toString('base64url');
  const signature = createHmac('sha256', app.secret).update(payload).digest('base64url');
  state.shared.deliveries.send({
    provider: 'meta',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ signed_request: `${signature}.${payload}` }).toString(),
    lane: `meta ${app.id} ${label}`,
    label,
    retries: 5,
    retryBaseSeconds: state.variants.values.webhook_retry_base_seconds,
    timeoutSeconds: state.variants.values.webhook_timeout_seconds,
  });
}
