import { setTimeout as sleep } from 'node:timers/promises';
import { loadContacts, writeContacts, type WritingOf } from '../../db/queries/contacts/contact-rows.ts';
import { lockContacts } from '../../db/queries/contacts/lock-contacts.ts';
import { mergeContacts } from '../../db/queries/contacts/merge-contacts.ts';
import { rows, type Em } from '../../db/connect.ts';
import { findPerson } from '../../db/queries/erasures/find-person.ts';
import { contactFieldPolicy } from '../../db/queries/contacts/contact-field-policy.ts';
import { erasedPeople } from '../../db/queries/erasures/filter-erased.ts';
import { aliasOf, jidOf } from '../../domain/contacts.ts';
import { lidsPerMinute } from '../../domain/quotas.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import type { Vault } from '../../db/vault.ts';
import type { Context } from '../context.ts';
import { orNullIfRefused } from './or-null-if-refused.ts';

/** People that are asked about, then written together. */
const batch = 10;

/**
 * Asks for the numbers behind LIDs, once each. A number that belongs to another contact shows that the two are one
 * person. Answers when to go on where its time was over. Throws `ProviderFailure`; what was told by then is kept.
 */
export async function resolveLids(
  context: Context,
  of: { tenantId: string; accountId: string },
  reader: ContactReader,
  call: () => ProviderCall,
  now: () => Date,
  isOver: () => boolean,
): Promise<Date | null> {
  for (let asked = 0; !isOver();) {
    const people = await context.db.tenant(of.tenantId, (em) =>
      rows<{ id: string; lid: string }>(
        em,
        `select id, wasender_jid as lid from contacts
         where account_id = ? and merged_into is null and phone_number is null and lid_asked_at is null
           and wasender_jid like '%@lid' order by id limit ?`,
        [of.accountId, batch],
      ),
    );
    if (!people.length) return null;
    const told = new Map<string, string | null>();
    try {
      for (const { id, lid } of people) {
        if (asked > 0 && asked % lidsPerMinute === 0) await sleep(61_000, undefined, { signal: call().signal });
        asked += 1;
        told.set(id, await orNullIfRefused(() => reader.lidToPhone(call(), lid)));
      }
    } finally {
      if (told.size) await context.db.tenant(of.tenantId, (em) => keep(em, context.vault, { ...of, at: now() }, told));
    }
  }
  return new Date(now().getTime() + 61_000);
}

async function keep(em: Em, vault: Vault, of: WritingOf, told: ReadonlyMap<string, string | null>): Promise<void> {
  await lockContacts(em, of.accountId);
  for (const [id, phone] of told) {
    await rows(em, 'update contacts set lid_asked_at = ? where id = ?', [of.at, id]);
    if (phone && !(await isErased(em, vault, of, id, phone))) await learnPhone(em, of, id, phone);
  }
}

/** Whether the number is of somebody who was erased; their contact goes then, too: the erasure begins again for it. */
async function isErased(em: Em, vault: Vault, of: WritingOf, id: string, phone: string): Promise<boolean> {
  const known = await findPerson(em, { subjects: [], contactIds: [id] }, of.accountId);
  const names = [...known.subjects, aliasOf(jidOf(phone))];
  return (await erasedPeople(em, vault, of.tenantId, [names], of.at)).size > 0;
}

async function learnPhone(em: Em, of: WritingOf, id: string, phone: string): Promise<void> {
  const [other] = await rows<{ id: string }>(
    em,
    `select contact_id as id from contact_aliases where account_id = ? and kind = 'jid' and value = ?`,
    [of.accountId, jidOf(phone)],
  );
  if (other) {
    await mergeContacts(em, of, other.id, [id]);
    return;
  }
  await rows(
    em,
    `insert into contact_aliases (account_id, kind, value, tenant_id, contact_id) values (?, 'jid', ?, ?, ?)`,
    [of.accountId, jidOf(phone), of.tenantId, id],
  );
  const row = (await loadContacts(em, of.accountId, [id])).get(id);
  if (!row) return;
  const kept = await contactFieldPolicy(em, of.tenantId);
  if (kept && !kept.has('phoneNumber')) return;
  row.fields.phoneNumber = phone;
  row.provenance.phoneNumber = { source: 'translation', at: of.at.toISOString() };
  await writeContacts(em, of, [row]);
}
