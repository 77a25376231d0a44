import { z } from 'zod';
import { formatPhone } from '../../domain/phone.ts';
import type { Person } from '../../services/conversations/people.ts';

/** A person where other things name them. */
export const personAnswer = z
  .object({
    id: z.string().describe('The attendee.'),
    name: z.string(),
    is_self: z.boolean().describe("The account's owner."),
  })
  .meta({ id: 'Person' });

export const personView = ({ attendee, name }: Person): z.input<typeof personAnswer> => ({
  id: attendee.id,
  name,
  is_self: attendee.isSelf,
});

/** What the contact of a person tells. */
export const personContact = z
  .object({
    id: z.string().nullable().describe('The contact; null where no address book has the person.'),
    phone_number: z.string().nullable().describe('E.164.'),
    display_phone: z.string().nullable().describe('The number as people write it.'),
    name: z.string().nullable(),
    verified_name: z.string().nullable(),
    profile_image_url: z.string().nullable(),
    is_business_account: z.boolean(),
    whatsapp_status: z.string().nullable().describe("The person's text about themself."),
    display_name: z.string().describe('Verified name, else name, else company, else the number.'),
  })
  .meta({ id: 'PersonContact' });

export const personContactView = ({ contact, attendee, name, phone }: Person): z.input<typeof personContact> => ({
  id: contact?.id ?? null,
  phone_number: phone,
  display_phone: phone && formatPhone(phone),
  name: contact?.name ?? attendee.name,
  verified_name: contact?.verifiedName ?? null,
  profile_image_url: contact?.profileImageUrl ?? null,
  is_business_account: contact?.isBusinessAccount ?? false,
  whatsapp_status: contact?.whatsappStatus ?? null,
  display_name: name,
});

export const attendeeAnswer = z
  .object({
    ...personAnswer.shape,
    account_id: z.string(),
    provider_attendee_id: z.string().describe('The identity at the provider; of WhatsApp a JID or LID.'),
    phone_number: z.string().nullable().describe('E.164.'),
    display_phone: z.string().nullable().describe('The number as people write it.'),
    contact_id: z.string().nullable().describe('The contact that the attendee is.'),
    picture_url: z
      .string()
      .nullable()
      .describe('An address of this API, which takes the same key; null: no picture is known.'),
  })
  .meta({ id: 'Attendee' });

export const attendeeView =
  (publicUrl: string) =>
  (person: Person): z.input<typeof attendeeAnswer> => ({
    ...personView(person),
    account_id: person.attendee.accountId,
    provider_attendee_id: person.attendee.providerAttendeeId,
    phone_number: person.phone,
    display_phone: person.phone && formatPhone(person.phone),
    contact_id: person.contact?.id ?? null,
    picture_url: pictureAddress(publicUrl, person),
  });

/** Where a person's picture is; null where none is known. The provider's own address expires, and is not shown. */
export const pictureAddress = (publicUrl: string, { attendee, contact }: Person): string | null =>
  attendee.pictureMediaId || attendee.pictureUrl || contact?.profileImageUrl
    ? `${publicUrl}/api/v1/attendees/${attendee.id}/picture`
    : null;
