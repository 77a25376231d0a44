import { type Account, type AccountType, MAIL_TYPES } from '../types.ts';
import type { UnipileVariants } from '../variants.ts';
import type { AttendeeFacts } from './attendees.ts';
import { hashText } from '../../world/random.ts';

/** Before the first login is done the fields exist and are empty. */
const UNKNOWN_PARAMS: Record<AccountType, Record<string, unknown>> = {
  WHATSAPP: { phone_number: '' },
  TELEGRAM: { user_id: '', username: '' },
  LINKEDIN: { id: '', username: '', premiumContractId: null },
  INSTAGRAM: { id: '', username: '' },
  MESSENGER: { id: '', username: '' },
  TWITTER: { id: '', username: '' },
  MAIL: { imap_host: '', imap_port: 0, imap_user: '', smtp_host: '', smtp_port: 0, smtp_user: '' },
  GOOGLE_OAUTH: { id: '', username: '' },
  OUTLOOK: { id: '', username: '' },
};

export const isMail = (type: AccountType): boolean => (MAIL_TYPES as readonly string[]).includes(type);

export function accountView(account: Account, variants: UnipileVariants): object {
  const mail = isMail(account.type);
  const params = { ...(account.identity?.params ?? UNKNOWN_PARAMS[account.type]) };
  const phone = account.identity?.phone;
  if (account.type === 'WHATSAPP' && variants.whatsapp_phone === 'plus' && phone) params['phone_number'] = `+${phone}`;
  return {
    object: 'Account',
    type: account.type,
    id: account.id,
    name: account.identity?.name ?? '',
    created_at: new Date(account.createdAt).toISOString(),
    connection_params: { [mail ? 'mail' : 'im']: params },
    groups: [],
    sources: [
      { id: `${account.id}_${mail ? 'MAILS' : 'MESSAGING'}`, status: account.status },
      ...(mail && variants.calendar_status ? [{ id: `${account.id}_CALENDAR`, status: variants.calendar_status }] : []),
    ],
    ...(mail && { signatures: [] }),
  };
}

const pictureUrl = (id: string): string => `https://media.sandbox.invalid/${encodeURIComponent(id)}.png`;

/** `GET /users/{identifier}`, by channel. */
const PROFILES: Partial<Record<AccountType, (facts: AttendeeFacts) => object>> = {
  WHATSAPP: ({ providerId, name, specifics }) => ({ id: providerId, provider_id: providerId, name, specifics }),
  LINKEDIN: ({ providerId, publicIdentifier, name, profileUrl, specifics }) => ({
    provider_id: providerId,
    public_identifier: publicIdentifier,
    first_name: name.split(' ')[0] ?? '',
    last_name: name.split(' ').slice(1).join(' '),
    headline: (specifics as { headline?: string } | null)?.headline ?? '',
    websites: [],
    network_distance: 'FIRST_DEGREE',
    public_profile_url: profileUrl,
  }),
  INSTAGRAM: ({ providerId, publicIdentifier, name }) => ({
    pk: Number(providerId),
    provider_id: providerId,
    provider_messaging_id: providerId,
    username: publicIdentifier ?? providerId,
    full_name: name,
    profile_pic_url: pictureUrl(providerId),
    biography: '',
    follower_count: hashText(providerId) % 900,
    following_count: hashText(name) % 900,
    is_verified: false,
    is_business: false,
    is_private: false,
  }),
  TELEGRAM: ({ providerId, name, publicIdentifier }) => ({
    provider_id: providerId,
    first_name: name.split(' ')[0] ?? null,
    last_name: name.split(' ').slice(1).join(' ') || null,
    username: publicIdentifier,
    profile_picture_url: pictureUrl(providerId),
  }),
};

export function profileView(account: Account, facts: AttendeeFacts): object {
  const fields = PROFILES[account.type]?.(facts) ?? { id: facts.providerId, name: facts.name };
  return { object: 'UserProfile', provider: account.type, ...fields };
}

/** `GET /users/me`. The official client has no such answer for WhatsApp and Instagram. */
export function ownerView(account: Account): object {
  const { identity, type } = account;
  if (!identity) return { object: 'AccountOwnerProfile', provider: type };
  const [first_name = '', last_name = ''] = identity.name.split(' ');
  const { params, providerId } = identity;
  const fields: Partial<Record<AccountType, object>> = {
    LINKEDIN: {
      provider_id: providerId,
      entity_urn: `urn:li:fsd_profile:${providerId}`,
      object_urn: `urn:li:member:${hashText(providerId)}`,
      first_name,
      last_name,
      profile_picture_url: null,
      public_identifier: `${first_name}-${last_name}-${hashText(providerId) % 10_000}`.toLowerCase(),
      email: String(params['username']),
      premium: params['premiumContractId'] !== null,
      open_profile: false,
      recruiter: null,
      sales_navigator: null,
    },
    TELEGRAM: {
      provider_id: providerId,
      first_name,
      last_name,
      phone: identity.phone,
      profile_picture_url: pictureUrl(providerId),
    },
    MAIL: {
      provider: 'IMAP',
      connection_params: {
        imap: { username: params['imap_user'], port: params['imap_port'], host: params['imap_host'] },
        smtp: { username: params['smtp_user'], port: params['smtp_port'], host: params['smtp_host'] },
      },
    },
    GOOGLE_OAUTH: { provider: 'GMAIL', email: params['username'], aliases: [] },
  };
  const other = { id: providerId, provider_id: providerId, name: identity.name, ...params };
  return { object: 'AccountOwnerProfile', provider: type, ...(fields[type] ?? other) };
}
