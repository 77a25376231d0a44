import { z } from 'zod';
import { eventTypes } from '../../domain/events.ts';
import { problemCodes } from '../../services/problem.ts';
import { eventAnswer } from './event.ts';

const id = z.string();
const cursor = 'Connect again with it as last_event_id.';

/** What a socket sends: events, and messages of one word about the connection. */
export const liveMessage = z.discriminatedUnion('type', [
  eventAnswer,
  z
    .object({ type: z.literal('ready'), id: id.nullable().describe(`Where reading begins. ${cursor}`) })
    .meta({ id: 'ReadyMessage', description: 'The first message.' }),
  z
    .object({ type: z.literal('place'), id: id.describe(cursor) })
    .meta({ id: 'PlaceMessage', description: 'Events up to there were left out by the filter.' }),
  z
    .object({ type: z.literal('filter'), types: z.array(z.enum(eventTypes)).nullable(), account: id.nullable() })
    .meta({ id: 'FilterMessage', description: 'The filter that was asked for holds from here on.' }),
  z
    .object({ type: z.literal('resync'), id: id.describe(`Where the feed ends now. ${cursor}`) })
    .meta({ id: 'ResyncMessage', description: 'Events are missing: read everything anew. The socket is closed.' }),
  z
    .object({ type: z.literal('problem'), code: z.enum(problemCodes), detail: z.string(), fix: z.string() })
    .meta({ id: 'ProblemMessage', description: 'A message of the client was refused.' }),
]);
