import { firstId } from '../../platform/ids.ts';
import { rows } from '../../db/connect.ts';
import { ProviderFailure } from '../../domain/failures.ts';
import type { SeenContact } from '../../domain/contacts.ts';
import type { ContactReader, ProviderCall } from '../../providers/provider.ts';
import type { Context } from '../context.ts';
import type { ContactBatch } from './read-contacts.ts';
import { withRetries } from './with-retries.ts';

/** One person by number. Throws `not_found` for whom the provider does not know. */
export async function* readOne(
  reader: ContactReader,
  call: ProviderCall,
  phone: string,
  signal: AbortSignal,
): AsyncGenerator<ContactBatch> {
  const found = await withRetries(signal, () => reader.one(call, phone));
  if (!found) throw new ProviderFailure('not_found', 'The provider does not know this number.');
  yield { contacts: [found], delivered: 1, cursor: null, part: 1 };
}

/** People that are asked for one by one and written together. */
const pageSize = 20;

/** The people of a group, each asked for alone. Whom the provider does not know any more is passed over. */
export async function* readGroup(
  context: Context,
  { tenantId, accountId }: { tenantId: string; accountId: string },
  reader: ContactReader,
  call: ProviderCall,
  group: string,
  cursor: string | null,
  signal: AbortSignal,
): AsyncGenerator<ContactBatch> {
  for (let after = cursor; ;) {
    const people = await context.db.tenant(tenantId, (em) =>
      rows<{ id: string; jid: string }>(
        em,
        `select id, coalesce(wasender_jid, phone_number) as jid from contacts
         where account_id = ? and merged_into is null and ? = any(groups) and id > coalesce(?::uuid, ?::uuid)
           and coalesce(wasender_jid, phone_number) is not null
         order by id limit ?`,
        [accountId, group, after, firstId, pageSize],
      ),
    );
    const contacts: SeenContact[] = [];
    for (const { jid } of people) {
      const found = await withRetries(signal, () => reader.one(call, jid));
      if (found) contacts.push(found);
    }
    after = people.length === pageSize ? (people.at(-1)?.id ?? null) : null;
    yield { contacts, delivered: people.length, cursor: after, part: null };
    if (after === null) return;
  }
}
