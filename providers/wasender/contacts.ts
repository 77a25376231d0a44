import { ProviderFailure } from '../../domain/failures.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import type { ContactPage, ContactReader, ProviderCall } from '../provider.ts';
import { readContact, isKnown } from './contact.ts';
import { placeOf, readPage } from './contact-pages.ts';
import { asObject, field, text, type Json } from './fields.ts';
import { askSession, dataOf, segment } from './http.ts';
import { isLid, phoneOf, toJid } from './jid.ts';

/** GET /contacts, page by page. */
async function page(call: ProviderCall, cursor: string | null): Promise<ContactPage> {
  const place = placeOf(cursor);
  const query = { paginated: 'true', page: String(place.page), limit: String(place.limit) };
  const body = await askSession(call, 'GET', '/contacts', { query });
  const { entries, cursor: next } = readPage(listOf(body), place);
  const contacts = entries.flatMap((entry) => readContact(entry) ?? []);
  return { contacts, delivered: entries.length, cursor: next };
}

/** GET /contacts, at once. */
async function all(call: ProviderCall): Promise<ContactPage> {
  const { entries } = readPage(listOf(await askSession(call, 'GET', '/contacts')), placeOf(null));
  return { contacts: entries.flatMap((entry) => readContact(entry) ?? []), delivered: entries.length, cursor: null };
}

/** Without `data` the body holds an envelope's fields, which are no entries. */
function listOf(body: Json): unknown {
  const data = field(body, 'data');
  if (data !== undefined) return data;
  throw new ProviderFailure('provider_unavailable', 'WASender answered something else than a list of contacts.');
}

/** GET /contacts/{phone}. Whom it does not know, it says by an error or by nulls. */
async function one(call: ProviderCall, who: string): Promise<SeenContact | null> {
  const data = await known(askSession(call, 'GET', `/contacts/${nameOf(who)}`));
  const contact = readContact(data);
  return contact && isKnown(contact) ? contact : null;
}

/** GET /contacts/{phone}/picture. */
async function picture(call: ProviderCall, who: string): Promise<string | null> {
  const data = await known(askSession(call, 'GET', `/contacts/${nameOf(who)}/picture`));
  const url = text(data, 'imgUrl');
  return url && /^https?:\/\//.test(url) ? url : null;
}

/** GET /pn-from-lid/{lid}. */
async function lidToPhone(call: ProviderCall, lid: string): Promise<string | null> {
  const data = await known(askSession(call, 'GET', `/pn-from-lid/${segment(lid)}`));
  return phoneOf(text(data, 'pn'));
}

/** How a path names somebody: a number by its digits, a LID as it is. */
function nameOf(who: string): string {
  const jid = toJid(who);
  if (!jid) throw new ProviderFailure('not_found', 'This is neither a number nor a JID.');
  return segment(isLid(jid) ? jid : jid.slice(0, jid.indexOf('@')));
}

/** The `data` of an answer; null for whom WASender does not know. */
async function known(answer: Promise<Json>): Promise<Json | null> {
  try {
    return asObject(dataOf(await answer));
  } catch (error) {
    if (error instanceof ProviderFailure && error.code === 'not_found') return null;
    throw error;
  }
}

export const contacts: ContactReader = { page, all, one, picture, lidToPhone };
