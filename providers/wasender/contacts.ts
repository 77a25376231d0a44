import { ProviderFailure } from '../../domain/failures.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import type { ContactPage, ContactReader, ProviderCall } from '../provider.ts';
import { orNullIfUnknown } from '../shared/errors.ts';
import { readContact, isKnown } from './contacts-entry.ts';
import { listOf, placeOf, readPage, saysMore } from './pages.ts';
import { asObject, text, type Json } from './fields.ts';
import { askSession, dataOf } from './client.ts';
import { isLid, phoneOf as phoneOfJid, toJid, segment } from './ids.ts';

/** GET /contacts, page by page. */
async function page(call: ProviderCall, cursor: string | null): Promise<ContactPage> {
  const place = placeOf(cursor);
  const query = { paginated: 'true', page: String(place.page), limit: String(place.limit) };
  const body = await askSession(call, 'GET', '/contacts', { query });
  const { entries, cursor: next } = readPage(listOf(body), place);
  const contacts = entries.flatMap((entry) => readContact(entry) ?? []);
  return { contacts, delivered: entries.length, cursor: next };
}

/** GET /contacts, at once; page by page where the answer says that it is not all. */
async function all(call: ProviderCall): Promise<ContactPage> {
  const data = listOf(await askSession(call, 'GET', '/contacts'));
  if (saysMore(data, 1)) return allPages(call);
  const { entries } = readPage(data, placeOf(null));
  return { contacts: entries.flatMap((entry) => readContact(entry) ?? []), delivered: entries.length, cursor: null };
}

async function allPages(call: ProviderCall): Promise<ContactPage> {
  const whole: ContactPage = { contacts: [], delivered: 0, cursor: null };
  let cursor: string | null = null;
  do {
    const { contacts: more, delivered, cursor: next } = await page(call, cursor);
    for (const one of more) whole.contacts.push(one);
    whole.delivered += delivered;
    cursor = next;
  } while (cursor !== null);
  return whole;
}

/** GET /contacts/{phone}. An unknown person is answered by an error or by nulls. */
async function one(call: ProviderCall, id: string): Promise<SeenContact | null> {
  const data = await known(askSession(call, 'GET', `/contacts/${nameOf(id)}`));
  const contact = readContact(data);
  return contact && isKnown(contact) ? contact : null;
}

/** GET /contacts/{phone}/picture. */
async function picture(call: ProviderCall, id: string): Promise<string | null> {
  const data = await known(askSession(call, 'GET', `/contacts/${nameOf(id)}/picture`));
  const url = text(data, 'imgUrl');
  return url && /^https?:\/\//.test(url) ? url : null;
}

/** GET /pn-from-lid/{lid}. */
async function phoneOf(call: ProviderCall, lid: string): Promise<string | null> {
  const data = await known(askSession(call, 'GET', `/pn-from-lid/${segment(lid)}`));
  return phoneOfJid(text(data, 'pn'));
}

/** A person in a path: a number by its digits, a LID as it is. */
function nameOf(id: string): string {
  const jid = toJid(id);
  if (!jid) throw new ProviderFailure('not_found', 'This is neither a number nor a JID.');
  return segment(isLid(jid) ? jid : jid.slice(0, jid.indexOf('@')));
}

const known = async (answer: Promise<Json>): Promise<Json | null> =>
  orNullIfUnknown(answer.then((body) => asObject(dataOf(body))));

export const contacts = {
  // WASender allows 60 pictures a minute and 1,000 a day, and publishes no limit for LIDs.
  limits: { picturesPerMinute: 50, picturesPerDay: 900, phonesPerMinute: 50 },
  page,
  all,
  one,
  picture,
  phoneOf,
} satisfies ContactReader;
