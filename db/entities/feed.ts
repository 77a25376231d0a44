import { defineEntity, p } from '@mikro-orm/core';
import type { EventType } from '../../domain/events.ts';

const FeedEventSchema = defineEntity({
  name: 'FeedEvent',
  tableName: 'events',
  properties: {
    tenantId: p.uuid().primary(),
    /** Orders events of transactions, `seq` those of one stamp: see "The feed" in docs/how-it-works.md. */
    stamp: p.bigint('number').primary(),
    seq: p.bigint('number').primary(),
    /** Null for an event of the tenant. */
    accountId: p.uuid().strictNullable(),
    type: p.text().$type<EventType>(),
    /** Ids and words of ours; no personal data. */
    data: p.json().$type<Record<string, unknown>>(),
    at: p.datetime().primary(),
  },
});
/** What changed, for the application. Triggers write it. Dropped by day, after `EVENT_RETENTION_DAYS`. */
export class FeedEvent extends FeedEventSchema.class {}
FeedEventSchema.setClass(FeedEvent);

const EventFloorSchema = defineEntity({
  name: 'EventFloor',
  tableName: 'event_floors',
  properties: {
    tenantId: p.uuid().primary(),
    stamp: p.bigint('number'),
    seq: p.bigint('number'),
  },
});
/** The last event of a tenant that was dropped: a reader that is not past it has missed something. */
export class EventFloor extends EventFloorSchema.class {}
EventFloorSchema.setClass(EventFloor);
