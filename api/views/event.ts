import { z } from 'zod';
import { accountStates, whoNames } from '../../domain/accounts.ts';
import { bulkKinds, bulkStates } from '../../domain/bulk.ts';
import { eventId, eventMeanings, toldData, type EventData, type EventType } from '../../domain/events.ts';
import { messageStatuses } from '../../domain/messages.ts';
import { stepKinds } from '../../domain/steps.ts';
import { syncKinds, syncStates } from '../../domain/syncs.ts';
import type { FeedRow } from '../../db/queries/events/read-feed.ts';
import { time } from '../http/pagination.ts';
import { eventExample } from './event-examples.ts';
import { failureReason } from './failure-reason.ts';
import { direction } from './message.ts';

const id = z.string();
const state = z.enum(accountStates);
const reason = failureReason.nullable();
const changed = z.array(z.string()).describe('The fields that changed.');
const ofMessage = { message_id: id, conversation_id: id };
const ofStatus = { state, reason, who: z.enum(whoNames) };
const ofAttempt = { attempt: z.number().int(), operation: z.enum(['connect', 'reconnect', 'disconnect']) };
const ofSync = { sync_id: id, kind: z.enum(syncKinds), state: z.enum(syncStates) };
const ofBulk = {
  bulk_id: id,
  operation: z.enum(bulkKinds),
  state: z.enum(bulkStates),
  counts: z.record(z.string(), z.number().int()),
};
const status = z.enum(messageStatuses);

const data = {
  'account.created': z.object({ state }),
  'account.state_changed': z.object({ ...ofStatus, before: state }),
  'account.action_required': z.object({
    ...ofStatus,
    reminder: z.boolean().describe('The same was asked before: after one day, after three, then weekly.'),
    reminders: z.number().int().describe('How often the owner was reminded since the question.'),
    what_to_do: z.string().nullable(),
    ends_at: z.string().nullable().describe('When what works now ends without it; null where nothing works.'),
  }),
  'account.updated': z.object({ changed }),
  'account.attempt_started': z.object(ofAttempt),
  'account.step_changed': z.object({
    attempt: ofAttempt.attempt,
    step_id: id,
    kind: z.enum(stepKinds).nullable().describe('Null where the step is not kept any more.'),
  }),
  'account.attempt_ended': z.object({ ...ofAttempt, state: z.enum(['succeeded', 'failed', 'cancelled']), reason }),
  'conversation.created': z.object({ conversation_id: id, kind: z.enum(['person', 'group', 'channel']) }),
  'conversation.updated': z.object({ conversation_id: id, unread_count: z.number().int(), changed }),
  'conversation.removed': z.object({ conversation_id: id }),
  'message.created': z.object({
    ...ofMessage,
    direction,
    status,
    history: z.boolean().describe('Read from history: it is no news.'),
  }),
  'message.updated': z.object({ ...ofMessage, status, changed }),
  'message.reactions_changed': z.object(ofMessage),
  'message.receipt': z.object({ ...ofMessage, attendee_id: id, status }),
  'message.removed': z.object(ofMessage),
  'contact.created': z.object({ contact_ids: z.array(id) }),
  'contact.updated': z.object({ contact_id: id, changed }),
  'contact.removed': z.object({ contact_id: id }),
  'sync.started': z.object(ofSync),
  'sync.updated': z.object({ ...ofSync, paused: z.boolean() }),
  'sync.ended': z.object({ ...ofSync, reason }),
  'bulk.started': z.object(ofBulk),
  'bulk.updated': z.object(ofBulk),
  'bulk.ended': z.object({ ...ofBulk, reason: z.string().nullable() }),
} as const satisfies { [Type in EventType]: z.ZodType<EventData[Type]> };

const eventOf = <Type extends EventType>(type: Type) =>
  z
    .object({
      id: z.string().describe('Sorts by the place in the feed. Also a cursor.'),
      type: z.literal(type),
      account_id: z.string().nullable().describe('Null for an event of the tenant, such as one of a bulk operation.'),
      at: time,
      data: data[type],
    })
    .meta({ id: eventSchemaName(type), description: eventMeanings[type], examples: [eventExample(type)] });

/** The name of an event's schema: of `message.reactions_changed` it is `MessageReactionsChangedEvent`. */
export const eventSchemaName = (type: EventType): string =>
  `${type.replace(/(^|[._])([a-z])/g, (_match, _before, letter: string) => letter.toUpperCase())}Event`;

type AnyEvent = ReturnType<typeof eventOf<EventType>>;
const types = Object.keys(data) as EventType[];

export const eventAnswer = z
  .discriminatedUnion('type', types.map(eventOf) as [AnyEvent, ...AnyEvent[]])
  .meta({ id: 'Event' });

export const eventView = (row: FeedRow): z.input<typeof eventAnswer> =>
  ({
    id: eventId(row),
    type: row.type,
    account_id: row.accountId,
    at: row.at,
    data: toldData(row.type, row.data),
  }) as z.input<typeof eventAnswer>;
