import { defaultFields, parseFields, selectFields, type Field } from './graph/fields.ts';
import { nestedPage } from './graph/paging.ts';
import type { State } from './state.ts';
import { pageToken } from './tokens.ts';
import type { Contact, InstagramAccount, Page, Person, PhoneNumber, Token, Waba } from './types.ts';
import { sharedFileUrl } from './files.ts';

export type View = Record<string, unknown>;

/** What `GET /{id}` shows: all fields, those without `fields`, and the name of its type in errors. */
export interface Node {
  view: View;
  defaults: string[];
  type: string;
}

/** `text` is the parameter `fields`. Throws 100. */
export function showNode({ view, defaults, type }: Node, text: string | undefined): object {
  return selectFields(view, text === undefined ? defaultFields(...defaults) : parseFields(text), type);
}

/** Of a node within another one. */
const nested =
  (node: () => Node) =>
  (field: Field): object => {
    const { view, type } = node();
    return selectFields(view, field.fields ?? defaultFields('id'), type);
  };

const TASKS = ['ADVERTISE', 'ANALYZE', 'CREATE_CONTENT', 'MESSAGING', 'MODERATE', 'MANAGE'];

/** `access_token` and `tasks` are shown to the person who manages the Page. */
export function pageNode(state: State, page: Page, token: Token): Node {
  const { instagramId } = page;
  const account = instagramId === null ? undefined : state.world.instagrams.get(instagramId);
  const instagram =
    account && token.scopes.has('instagram_basic') ? nested(() => instagramNode(state, account, token)) : undefined;
  const view: View = {
    id: page.id,
    name: page.name,
    category: page.category,
    category_list: [{ id: '197871390225897', name: page.category }],
    access_token: () => ownToken(state, page, token),
    tasks: token.kind === 'user' ? TASKS : undefined,
    username: page.name.toLowerCase().replaceAll(' ', ''),
    link: `https://www.facebook.com/${page.id}`,
    about: `${page.name} of the sandbox`,
    is_published: true,
    followers_count: 128,
    verification_status: 'not_verified',
    picture: { data: { height: 50, is_silhouette: false, url: sharedFileUrl(state, 'profile', page.id), width: 50 } },
    instagram_business_account: instagram,
    connected_instagram_account: instagram,
  };
  return { view, defaults: ['name', 'id'], type: 'Page' };
}

function ownToken(state: State, page: Page, token: Token): string | undefined {
  if (token.kind === 'user') return pageToken(state, token, page.id).value;
  return token.kind === 'page' ? token.value : undefined;
}

export function instagramNode(state: State, account: InstagramAccount, token: Token): Node {
  const isInstagrams = token.kind === 'instagram';
  const view: View = {
    // At graph.instagram.com `id` is app-scoped, and `user_id` is what webhooks name.
    id: isInstagrams ? account.appScopedId : account.id,
    user_id: isInstagrams ? account.id : undefined,
    username: account.username,
    name: account.name,
    account_type: 'BUSINESS',
    biography: `${account.name} of the sandbox`,
    followers_count: 256,
    follows_count: 12,
    media_count: 7,
    website: 'https://example.com/',
    profile_picture_url: sharedFileUrl(state, 'profile', account.id),
    ig_id: account.id,
  };
  return { view, defaults: isInstagrams ? ['id', 'username'] : ['id'], type: isInstagrams ? 'User' : 'IGUser' };
}

export function userNode(state: State, person: Person, token: Token): Node {
  const [first = '', last = ''] = person.name.split(' ');
  const accounts = (field: Field): object =>
    nestedPage(
      state,
      field.args,
      {
        items: pagesOf(state, token),
        idOf: ({ id }) => id,
        view: (page) => {
          const { view, type } = pageNode(state, page, token);
          return selectFields(view, field.fields ?? defaultFields(...ACCOUNT_FIELDS), type);
        },
      },
      `${state.origin}/v26.0/${person.id}/accounts?access_token=${token.value}`,
    );
  const view: View = {
    id: person.id,
    name: person.name,
    first_name: first,
    last_name: last,
    email: token.scopes.has('email') ? person.userName : undefined,
    picture: { data: { height: 50, is_silhouette: false, url: sharedFileUrl(state, 'profile', person.id), width: 50 } },
    accounts,
  };
  return { view, defaults: ['name', 'id'], type: 'User' };
}

export const ACCOUNT_FIELDS = ['access_token', 'category', 'category_list', 'name', 'id', 'tasks'];

/** Those that the person chose; none without the permission to list them. */
export function pagesOf(state: State, token: Token): Page[] {
  if (!token.scopes.has('pages_show_list')) return [];
  return token.pageIds.flatMap((id) => state.world.pages.get(id) ?? []);
}

/** The profile of a person who wrote. */
export function contactNode(state: State, contact: Contact, channel: 'messenger' | 'instagram', token: Token): Node {
  const [first = '', last = ''] = contact.name.split(' ');
  const picture = sharedFileUrl(state, 'profile', String(contact.seed));
  const messenger: View = {
    id: contact.key,
    name: contact.name,
    first_name: first,
    last_name: last,
    profile_pic: picture,
    ...(token.scopes.has('pages_user_locale') && { locale: 'en_GB' }),
    ...(token.scopes.has('pages_user_timezone') && { timezone: 2 }),
    ...(token.scopes.has('pages_user_gender') && { gender: 'female' }),
  };
  if (channel === 'messenger')
    return { view: messenger, defaults: ['first_name', 'last_name', 'profile_pic', 'id'], type: 'User' };
  const hasPicture = contact.seed % 5 !== 0;
  const view: View = {
    id: contact.key,
    name: contact.seed % 7 === 0 ? null : contact.name,
    username: contact.username,
    profile_pic: hasPicture ? picture : null,
    is_verified_user: false,
    follower_count: contact.seed % 2000,
    is_user_follow_business: contact.seed % 2 === 0,
    is_business_follow_user: contact.seed % 3 === 0,
  };
  return { view, defaults: ['name', 'username', 'profile_pic', 'id'], type: 'User' };
}

export function numberNode(number: PhoneNumber): Node {
  const view: View = {
    id: number.id,
    display_phone_number: `+${number.phone}`,
    verified_name: number.name,
    status: number.status,
    quality_rating: number.quality,
    code_verification_status: 'VERIFIED',
    name_status: 'APPROVED',
    platform_type: 'CLOUD_API',
    account_mode: 'LIVE',
    throughput: { level: 'STANDARD' },
    messaging_limit_tier: 'TIER_2K',
    whatsapp_business_manager_messaging_limit: 'TIER_2K',
    is_official_business_account: false,
    is_pin_enabled: true,
    webhook_configuration: number.override ? { phone_number: number.override.url } : {},
    health_status: healthOf(number),
    last_onboarded_time: '2026-01-05T09:00:00+0000',
  };
  const defaults = [
    'verified_name',
    'code_verification_status',
    'display_phone_number',
    'quality_rating',
    'platform_type',
    'throughput',
    'webhook_configuration',
    'id',
  ];
  return { view, defaults, type: 'WhatsAppBusinessPhoneNumber' };
}

function healthOf({ id, status, wabaId }: PhoneNumber): object {
  const can = status === 'CONNECTED' ? 'AVAILABLE' : 'BLOCKED';
  const entity = (entity_type: string, entityId: string, can_send_message: string): object => ({
    entity_type,
    id: entityId,
    can_send_message,
  });
  return {
    can_send_message: can,
    entities: [
      entity('PHONE_NUMBER', id, can),
      entity('WABA', wabaId, 'AVAILABLE'),
      entity('APP', 'sandbox-app', 'AVAILABLE'),
    ],
  };
}

export function wabaNode(waba: Waba): Node {
  const view: View = {
    id: waba.id,
    name: waba.name,
    account_review_status: 'APPROVED',
    business_verification_status: 'verified',
    health_status: { can_send_message: 'AVAILABLE', entities: [] },
    ownership_type: 'SELF',
    status: 'ACTIVE',
    timezone_id: '71',
    currency: 'USD',
    message_template_namespace: '7f3a_sandbox',
  };
  return {
    view,
    defaults: ['id', 'name', 'timezone_id', 'message_template_namespace'],
    type: 'WhatsAppBusinessAccount',
  };
}
