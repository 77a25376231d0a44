import { attendeeId } from '../ids.ts';
import { pictureUrl } from '../media.ts';
import type { State } from '../state.ts';
import type { Account, AttendeeRef } from '../types.ts';
import type { UnipileVariants } from '../variants.ts';
import { headline, lidOf, nameFor, person } from '../../world/people.ts';
import { hashText } from '../../world/random.ts';

export interface AttendeeFacts {
  id: string;
  name: string;
  providerId: string;
  publicIdentifier: string | null;
  profileUrl: string | null;
  /** Null: no picture. */
  pictureSeed: number | null;
  specifics: object | null;
}

export function attendeeFacts(account: Account, ref: AttendeeRef, variants: UnipileVariants): AttendeeFacts {
  const { type, store } = account;
  const base = rawFacts(account, ref, variants);
  const linkedin = type === 'LINKEDIN';
  const lid = base.lid ?? (type === 'WHATSAPP' ? lidFor(base.providerId) : null);
  return {
    id: attendeeId(account, ref),
    name: base.name,
    providerId: base.providerId,
    publicIdentifier: type === 'WHATSAPP' ? base.providerId : base.publicIdentifier,
    profileUrl: linkedin ? `https://www.linkedin.com/in/${base.publicIdentifier ?? base.providerId}` : null,
    pictureSeed: base.pictureSeed,
    specifics: linkedin
      ? {
          provider: 'LINKEDIN',
          member_urn: `urn:li:member:${hashText(base.providerId)}`,
          network_distance: 'DISTANCE_1',
          headline: ref.kind === 'person' ? headline(store.people, ref.index) : '',
        }
      : lid !== null
        ? { provider: 'WHATSAPP', phone_number: shownPhone(base, variants), lid }
        : null,
  };
}

export function attendeeView(state: State, account: Account, ref: AttendeeRef): object {
  const variants = state.variants.values;
  const facts = attendeeFacts(account, ref, variants);
  const withSpecifics = facts.specifics !== null && (account.type === 'LINKEDIN' || variants.attendee_specifics);
  return {
    object: 'ChatAttendee',
    id: facts.id,
    account_id: account.id,
    provider_id: facts.providerId,
    name: facts.name,
    is_self: ref.kind === 'self' ? 1 : 0,
    hidden: 0,
    ...(facts.pictureSeed !== null && { picture_url: pictureUrl(state, facts.id, facts.pictureSeed) }),
    ...(facts.profileUrl !== null && { profile_url: facts.profileUrl }),
    ...(withSpecifics && { specifics: facts.specifics }),
  };
}

export function webhookAttendee(account: Account, ref: AttendeeRef, variants: UnipileVariants): object {
  const facts = attendeeFacts(account, ref, variants);
  return {
    attendee_id: facts.id,
    attendee_name: facts.name,
    attendee_provider_id: facts.providerId,
    attendee_profile_url: facts.profileUrl,
    attendee_public_identifier: facts.publicIdentifier,
    ...(facts.specifics && { attendee_specifics: facts.specifics }),
  };
}

interface RawFacts {
  name: string;
  providerId: string;
  publicIdentifier: string | null;
  phone: string | null;
  lid: string | null;
  pictureSeed: number | null;
}

function rawFacts(account: Account, ref: AttendeeRef, variants: UnipileVariants): RawFacts {
  const { type, store, identity } = account;
  if (ref.kind === 'person') {
    const found = person(store.people, type, ref.index, variants.lid_share);
    return { ...found, pictureSeed: found.hasPicture ? found.pictureSeed : null };
  }
  if (ref.kind === 'self') {
    const providerId = identity?.providerId ?? '';
    const name = identity?.name ?? '';
    return {
      name,
      providerId,
      publicIdentifier: null,
      phone: identity?.phone ?? null,
      lid: null,
      pictureSeed: hashText(name),
    };
  }
  const { providerId: id, name } = store.unlisted[ref.index] ?? { providerId: '', name: nameFor('') };
  const phone = /^(\d+)@s\.whatsapp\.net$/.exec(id)?.[1] ?? null;
  const lid = type === 'WHATSAPP' ? lidFor(id) : null;
  // With the share 1 all people are known by a LID, those outside the address book too.
  const providerId = lid !== null && variants.lid_share === 1 ? lid : id;
  return { name, providerId, publicIdentifier: null, phone, lid, pictureSeed: null };
}

function shownPhone({ phone }: RawFacts, variants: UnipileVariants): string {
  return phone === null || variants.hidden_phones ? 'hidden' : `+${phone}`;
}

/** Of people outside the address book. */
export function lidFor(providerId: string): string {
  if (providerId.endsWith('@lid')) return providerId;
  const digits = String(hashText(providerId)).padStart(12, '0');
  return lidOf(digits.slice(0, 5), digits.slice(5, 12));
}
