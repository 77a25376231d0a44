import type { Facts } from './facts.ts';

/** One message as it is shown, without ids of ours. */
interface ShownMessage {
  id: string;
  direction: string;
  text: string | null;
  /** Of an outgoing message. */
  status: string | null;
  edited: boolean;
  deleted: boolean;
  /** The person's id at the provider, or `me`, and the emoji. */
  reactions: [string, string][];
}

interface ShownConversation {
  id: string;
  isGroup: boolean;
  unread: number;
  /** The id of the last message. */
  last: string | null;
  messages: ShownMessage[];
}

/** What the sandbox's writer says of a conversation. */
export interface TrueConversation {
  provider_chat_id: string;
  group: boolean;
  messages: {
    provider_message_id: string;
    from: string | null;
    text: string | null;
    timestamp: string;
    status: string | null;
    edited: boolean;
    deleted: boolean;
    reactions: { from: string | null; value: string }[];
  }[];
}

const byFirst = ([one]: [string, string], [other]: [string, string]): number => (one < other ? -1 : 1);
const byId = (one: { id: string }, other: { id: string }): number => (one.id < other.id ? -1 : 1);

/**
 * The writer's true final state as it must be shown. `unitMs`: what the provider's times of messages count in; messages of
 * one such time are in the order of their ids. Incoming messages are unread that were not deleted and are not older than the
 * owner's last one.
 */
export function expectedConversations(truth: readonly TrueConversation[], unitMs: number): ShownConversation[] {
  return truth
    .map(({ provider_chat_id: id, group, messages }) => {
      const timed = messages.map((one) => ({ one, at: Math.floor(Date.parse(one.timestamp) / unitMs) }));
      const sorted = timed.toSorted((a, b) =>
        a.at === b.at && unitMs > 1 ? (a.one.provider_message_id < b.one.provider_message_id ? -1 : 1) : a.at - b.at,
      );
      const lastOwn = Math.max(-1, ...timed.map(({ one, at }) => (one.from === null ? at : -1)));
      const isUnread = ({ one, at }: (typeof timed)[number]): boolean =>
        one.from !== null && !one.deleted && at >= lastOwn;
      return {
        id,
        isGroup: group,
        unread: timed.filter(isUnread).length,
        last: sorted.at(-1)?.one.provider_message_id ?? null,
        messages: sorted.map(({ one }) => ({
          id: one.provider_message_id,
          direction: one.from === null ? 'out' : 'in',
          text: one.text,
          status: one.status,
          edited: one.edited,
          deleted: one.deleted,
          reactions: one.reactions.map(({ from, value }): [string, string] => [from ?? 'me', value]).toSorted(byFirst),
        })),
      };
    })
    .toSorted(byId);
}

/** What PostgreSQL has of an account's conversations, in the order in which the API shows messages. */
export async function foundConversations(facts: Facts, accountId: string): Promise<ShownConversation[]> {
  const rows = await facts.rows(
    `select c.provider_conversation_id as id, c.kind = 'group' as "isGroup", c.unread_count as unread,
       (select l.provider_message_id from messages l where l.id = c.last_message_id and l.event is null) as last,
       coalesce((
         select jsonb_agg(jsonb_build_object(
             'id', m.provider_message_id, 'direction', m.direction, 'text', m.text,
             'status', case when m.direction = 'out' then m.status end,
             'edited', m.edited_at is not null, 'deleted', m.deleted_at is not null,
             'reactions', (
               select coalesce(jsonb_agg(jsonb_build_array(
                   case when a.is_self or a.id is null then 'me' else a.provider_attendee_id end, r.x ->> 'emoji')), '[]')
               from jsonb_array_elements(m.reactions) as r (x) left join attendees a on a.id = (r.x ->> 'by')::uuid
               where r.x ->> 'emoji' is not null))
           order by m.sent_at, m.sort_key)
         from messages m where m.conversation_id = c.id and m.event is null), '[]') as messages
     from conversations c where c.account_id = '${accountId}'`,
  );
  return (rows as ShownConversation[])
    .map((one) => ({
      ...one,
      messages: one.messages.map((message) => ({ ...message, reactions: message.reactions.toSorted(byFirst) })),
    }))
    .toSorted(byId);
}

/**
 * What two accounts have in common into which the same seed was written: all that is no time and no id of one of them alone,
 * as ids of messages and groups are. Each message has a number in its text.
 */
const nameOf = (attendee: string): string =>
  `case when ${attendee}.is_self then 'me' else ${attendee}.provider_attendee_id end`;

export async function contentsOf(facts: Facts, accountId: string): Promise<string[]> {
  const rows = await facts.rows(
    `select jsonb_build_array(c.kind, case when c.kind = 'person' then c.provider_conversation_id end, m.direction, ${nameOf('s')}, m.status,
         (select jsonb_agg(v ->> 'text') from jsonb_array_elements(m.versions) as x (v)), m.text, m.event,
         m.edited_at is null, m.deleted_at is null, m.deletion_confirmed, m.quoted_key is null,
         (select jsonb_agg(jsonb_build_array(t.status, ${nameOf('a')}) order by ${nameOf('a')})
          from message_receipts t join attendees a on a.id = t.attendee_id where t.message_id = m.id),
         (select jsonb_agg(jsonb_build_array(t.kind, t.mime_type, t.size) order by t.key)
          from attachments t where t.message_id = m.id))::text as content
     from messages m join conversations c on c.id = m.conversation_id left join attendees s on s.id = m.sender_id
     where m.account_id = '${accountId}'`,
  );
  return rows.map(({ content }) => content as string).toSorted();
}

/** The first differences, for a person to read. */
export function differences(expected: readonly ShownConversation[], found: readonly ShownConversation[]): string[] {
  const shown = (one: unknown): string => JSON.stringify(one) ?? 'nothing';
  return expected.flatMap((conversation) => {
    const own = found.find(({ id }) => id === conversation.id);
    if (!own) return [`${conversation.id} is missing`];
    const heads = [conversation, own].map(({ messages, ...head }) => shown({ ...head, n: messages.length }));
    const wrong = heads[0] === heads[1] ? [] : [`${heads[1]} instead of ${heads[0]}`];
    for (const [n, message] of conversation.messages.entries()) {
      const [one, other] = [shown(sorted(message)), shown(sorted(own.messages[n]))];
      if (one !== other) wrong.push(`${conversation.id}: ${other} instead of ${one}`);
    }
    return wrong;
  });
}

const sorted = (of: object | undefined): object =>
  Object.fromEntries(Object.entries(of ?? {}).toSorted(byFirst as never));
