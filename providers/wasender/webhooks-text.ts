import { toE164 } from '../../domain/phone.ts';
import { asList } from '../json-object.ts';
import { nameIn, messageTextIn } from '../shared/told-values.ts';
import { asObject, field, number, type Json } from './fields.ts';

/** The text of WhatsApp's raw message, under each kind of content that has one. */
const readers: Readonly<Record<string, (of: Json) => string | null>> = {
  extendedTextMessage: (of) => textAt(of, 'text'),
  imageMessage: (of) => textAt(of, 'caption'),
  videoMessage: (of) => textAt(of, 'caption'),
  documentMessage: (of) => textAt(of, 'caption'),
  buttonsResponseMessage: (of) => textAt(of, 'selectedDisplayText'),
  templateButtonReplyMessage: (of) => textAt(of, 'selectedDisplayText'),
  listResponseMessage: (of) => textAt(of, 'title') ?? textAt(of, 'description'),
  interactiveResponseMessage: (of) => textAt(asObject(field(of, 'body')), 'text'),
  buttonsMessage: (of) => textAt(of, 'contentText'),
  listMessage: (of) => lines([textAt(of, 'title'), textAt(of, 'description')]),
  templateMessage: (of) => textAt(asObject(field(of, 'hydratedTemplate')), 'hydratedContentText'),
  interactiveMessage: (of) => textAt(asObject(field(of, 'body')), 'text'),
  groupInviteMessage: (of) => lines([textAt(of, 'groupName'), textAt(of, 'caption')]),
  locationMessage: locationText,
  liveLocationMessage: locationText,
  contactMessage: contactText,
  contactsArrayMessage: (of) => lines(items(of, 'contacts').map(contactText)),
  pollCreationMessage: pollText,
  pollCreationMessageV2: pollText,
  pollCreationMessageV3: pollText,
  eventMessage: (of) => lines([textAt(of, 'name'), textAt(of, 'description')]),
};

/** The text of a raw message as a person reads it; null where it has none. */
export function textOf(message: Json | null): string | null {
  const plain = textAt(message, 'conversation');
  if (plain !== null) return plain;
  for (const [name, read] of Object.entries(readers)) {
    const of = asObject(field(message, name));
    const found = of && read(of);
    if (found !== null) return found;
  }
  return null;
}

const textAt = (of: Json | null, name: string): string | null => messageTextIn(field(of, name));

const lines = (parts: readonly (string | null)[]): string | null =>
  parts.filter((one) => one !== null).join('\n') || null;

/** People and choices of a message: WhatsApp takes far fewer. */
const mostItems = 1_000;
const items = (of: Json, name: string): Json[] =>
  asList(field(of, name))
    .slice(0, mostItems)
    .map(asObject)
    .filter((one) => one !== null);

function locationText(of: Json): string | null {
  const [latitude, longitude] = [number(of, 'degreesLatitude'), number(of, 'degreesLongitude')];
  const place = latitude === null || longitude === null ? null : `${latitude}, ${longitude}`;
  return lines([textAt(of, 'name'), textAt(of, 'address'), place, textAt(of, 'caption')]);
}

const longestCard = 10_000;

/** A card's name and first number. */
function contactText(of: Json): string | null {
  const card = field(of, 'vcard');
  const rows = typeof card === 'string' ? card.slice(0, longestCard).split(/\r?\n/) : [];
  const phone = rows.find((row) => /TEL[:;]/i.test(row));
  return lines([nameIn(field(of, 'displayName')), toE164(phone?.slice(phone.lastIndexOf(':') + 1))]);
}

/** The question, and each choice in a line of its own. */
function pollText(of: Json): string | null {
  const choices = asList(field(of, 'options')).slice(0, mostItems);
  const named = choices.map((one) => nameIn(asObject(one) ? field(asObject(one), 'optionName') : one));
  return lines([textAt(of, 'name'), ...named.map((one) => one && `- ${one}`)]);
}
