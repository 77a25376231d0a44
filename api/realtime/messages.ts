import { z } from 'zod';
import type { FeedReader } from '../../services/events/feed-reader.ts';
import { filterOf } from '../../services/events/feed-start.ts';
import type { Context } from '../../services/context.ts';
import { Problem } from '../../services/problem.ts';
import { eventTypes } from '../../domain/events.ts';
import { problemOf } from '../http/errors.ts';
import { parse } from '../http/validate.ts';

const filterMessage = z.object({
  type: z.literal('filter'),
  types: z.array(z.enum(eventTypes)).max(eventTypes.length).nullish(),
  account: z.string().max(64).nullish(),
});

/** Does what a message of a client asks for, and answers the message to send back. */
export async function answerMessage(
  context: Context,
  tenantId: string,
  reader: Promise<FeedReader>,
  message: string,
): Promise<object> {
  try {
    const wanted = parse(filterMessage, jsonOf(message)) as z.output<typeof filterMessage>;
    const filter = await filterOf(context, tenantId, wanted);
    (await reader).setFilter(filter);
    return { type: 'filter', types: filter.types, account: filter.accountId };
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code === 'unexpected') context.log.error({ err: error }, 'a message of a socket failed');
    return { type: 'problem', code: problem.code, detail: problem.message, fix: problem.fix };
  }
}

function jsonOf(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    throw new Problem('malformed_request', 'The message is not valid JSON.');
  }
}
