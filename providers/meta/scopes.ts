import type { Channel } from '../../domain/channels.ts';
import type { GraphHost } from './ids.ts';

/** A permission that a login asks its owner for. */
interface Scope {
  name: string;
  /** What does not work without it, as a sentence; absent where nothing works without it. */
  without?: string;
}

const needed = (name: string): Scope => ({ name });

const toSubscribe: Scope = {
  name: 'pages_manage_metadata',
  without: 'New messages are not reported as they come: the Page cannot be subscribed.',
};
const toRead: Scope = {
  name: 'pages_read_engagement',
  without: 'Past conversations cannot be read.',
};
const ofBusiness: Scope = {
  name: 'business_management',
  without: 'Pages that the owner reaches through a business portfolio may be missing.',
};

/** What each login asks for, by Meta's documentation of permissions (February to September 2026). */
const table = {
  messenger: [needed('pages_show_list'), needed('pages_messaging'), toSubscribe, toRead, ofBusiness],
  instagramOfPage: [
    needed('pages_show_list'),
    needed('instagram_basic'),
    needed('instagram_manage_messages'),
    toSubscribe,
    toRead,
    ofBusiness,
  ],
  instagram: [needed('instagram_business_basic'), needed('instagram_business_manage_messages')],
  whatsapp: [
    needed('whatsapp_business_messaging'),
    {
      name: 'whatsapp_business_management',
      without: 'Templates and the state of the number cannot be read, and new messages are not reported.',
    },
  ],
} satisfies Record<string, readonly Scope[]>;

function scopesOf(channel: Channel, host: GraphHost): readonly Scope[] {
  if (channel === 'instagram') return host === 'instagram' ? table.instagram : table.instagramOfPage;
  return channel === 'whatsapp' ? table.whatsapp : table.messenger;
}

/** The permissions that a login asks for, by Meta's names. */
export const wantedScopes = (channel: Channel, host: GraphHost): string[] =>
  scopesOf(channel, host).map(({ name }) => name);

/** Permissions without which the account can neither send nor receive, and that were not given. */
export const lackingScopes = (channel: Channel, host: GraphHost, granted: readonly string[]): string[] =>
  scopesOf(channel, host).flatMap(({ name, without }) => (without || granted.includes(name) ? [] : [name]));

/** A permission that was not given, with what does not work without it. */
export interface Consequence {
  scope: string;
  text: string;
}

/** What does not work, of an account that works otherwise. */
export const consequencesOf = (channel: Channel, host: GraphHost, granted: readonly string[]): Consequence[] =>
  scopesOf(channel, host).flatMap(({ name, without }) =>
    without && !granted.includes(name) ? [{ scope: name, text: without }] : [],
  );

/** The same, as a login tells it: null where the permissions are not known. */
export const notesOf = (channel: Channel, host: GraphHost, granted: readonly string[] | null): string[] =>
  granted === null
    ? []
    : consequencesOf(channel, host, granted).map(({ scope, text }) => `The owner did not give ${scope}. ${text}`);
