import type { SeenContact } from '../../domain/contacts.ts';
import { cleanText } from '../../domain/text.ts';
import { asObject, field, text } from './fields.ts';
import { isLid, phoneOf, toJid } from './ids.ts';

/**
 * An entry of the address book; null for what names no person. Its identity stands under `id` or `jid`, as a JID or as
 * bare digits. No source has a flag for businesses: a verified name is the only sign.
 */
export function readContact(entry: unknown): SeenContact | null {
  const of = asObject(entry);
  const id = toJid(text(of, 'id')) ?? toJid(text(of, 'jid'));
  if (!of || !id) return null;
  const lid = isLid(id) ? id : toJid(text(of, 'lid'));
  const verifiedName = text(of, 'verifiedName');
  return {
    id,
    phone: phoneOf(id) ?? phoneOf(text(of, 'phoneNumber')),
    lid: lid && isLid(lid) ? lid : null,
    name: text(of, 'name'),
    pushName: text(of, 'notify') ?? text(of, 'pushName'),
    verifiedName,
    company: text(of, 'company'),
    isBusiness: cleanText(verifiedName) !== null,
    status: text(of, 'status'),
    ...pictureOf(field(of, 'imgUrl')),
    raw: entry,
  };
}

/**
 * Null stands both for people without a picture and for pictures that the answer leaves out. A word in place of the address,
 * as `changed`, says that it must be fetched.
 */
function pictureOf(said: unknown): Pick<SeenContact, 'pictureUrl' | 'pictureChanged'> {
  if (typeof said !== 'string' || said === '') return {};
  return /^https?:\/\//.test(said) ? { pictureUrl: said } : { pictureChanged: true };
}

/** Whether an answer knows its person: some sources answer an unknown one with nulls alone. */
export function isKnown(contact: SeenContact): boolean {
  const of = asObject(contact.raw);
  if (field(of, 'exists') === false) return false;
  const named = contact.name ?? contact.pushName ?? contact.verifiedName;
  return cleanText(named) !== null || field(of, 'imgUrl') !== undefined || field(of, 'status') !== undefined;
}
