import { ownPrefix } from '../../../domain/own-keys.ts';
import type { Em } from '../../connect.ts';
import { rows, sql } from '../../sql.ts';

/** Every id that something has at its provider. Ours, by which it is found before it has any, are left out. */
export async function providerKeysOf(em: Em, kind: 'message' | 'conversation', id: string): Promise<string[]> {
  const found = await rows<{ key: string }>(
    em,
    sql`select key from provider_keys where target_id = ${id} and kind = ${kind} order by key`,
  );
  return found.map(({ key }) => key).filter((key) => !isOwnKey(key));
}

/** The key of a conversation with these people, which its provider does not know yet. */
export const newConversationKey = (recipients: readonly string[]): string =>
  `${ownPrefix}with/${recipients.toSorted().join('/')}`;

const isOwnKey = (key: string): boolean => key.startsWith(ownPrefix);

/**
 * A message of the account's own in the conversation, with that text, as many files and of that time, which no send has
 * become: the echo of a send whose answer was lost. Its ids. Without a text the sizes of the files must be the same: another
 * picture may have been sent from the phone meanwhile.
 */
export async function findEcho(
  em: Em,
  sent: { conversationId: string; text: string | null; sizes: readonly number[]; from: Date; to: Date },
): Promise<string[]> {
  const sizes = sent.sizes.toSorted((a, b) => a - b);
  const found = await rows<{ key: string }>(
    em,
    sql`select k.key from (
          select id from messages m
          where m.conversation_id = ${sent.conversationId} and m.direction = 'out' and m.told_by <> 'us'
            and m.text is not distinct from ${sent.text}::text and m.deleted_at is null
            and m.sent_at between ${sent.from} and ${sent.to}
            and (select count(*) from attachments a where a.message_id = m.id) = ${sizes.length}
            and (${sent.text !== null} or ${sizes}::bigint[] =
              array(select a.size from attachments a where a.message_id = m.id order by a.size))
            and not exists (select from message_sends s where s.message_id = m.id)
          order by m.sent_at, m.sort_key limit 1) as echo
        join provider_keys k on k.target_id = echo.id and k.kind = 'message' order by k.key`,
  );
  return found.map(({ key }) => key);
}

/**
 * Ids of messages around the time of a send that are certainly others: those that were sent from here, and those from before
 * it. What came since, from elsewhere, may be the send itself.
 */
export async function knownKeys(em: Em, accountId: string, messageId: string, mark: Date): Promise<string[]> {
  const [from, before] = [mark.getTime() - 900_000, mark.getTime() - 5_000].map((ms) => new Date(ms));
  const found = await rows<{ key: string }>(
    em,
    sql`select k.key from messages m join provider_keys k on k.target_id = m.id and k.kind = 'message'
        where m.account_id = ${accountId} and m.id <> ${messageId} and m.direction = 'out' and m.sent_at > ${from}
          and (m.sent_at < ${before} or exists (
            select from message_sends s where s.message_id = m.id and s.state = 'sent'))
        limit 1000`,
  );
  return found.map(({ key }) => key).filter((key) => !isOwnKey(key));
}
