import { z } from 'zod';
import { AccountEvent } from '../../db/entities/accounts.ts';
import { anyAccount } from '../../services/accounts/find-account.ts';
import { afterCursor, page, pageOf, pageQuery, time, wireTime } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { accountParams } from './accounts.ts';

const eventAnswer = z
  .object({
    id: z.string(),
    at: time,
    kind: z.string(),
    text: z.string(),
    attempt: z.number().int().nullable(),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'TimelineEvent' });

const getTimeline = route({
  name: 'getTimeline',
  method: 'get',
  path: '/accounts/{id}/timeline',
  summary: 'What happened to an account, oldest first',
  tag: 'accounts',
  scope: 'read',
  params: accountParams,
  query: z.object(pageQuery),
  answer: pageOf(eventAnswer),
  handle: ({ context, principal, params, query: { limit, cursor } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const { id: accountId } = await anyAccount(em, params.id);
      const where = { $and: [{ accountId }, afterCursor(cursor)] };
      const found = await em.find(AccountEvent, where, { orderBy: { id: 'asc' }, limit: limit + 1 });
      return {
        body: page(found, limit, ({ id, at, kind, text, attempt, data }) => ({
          id,
          at: wireTime(at),
          kind,
          text,
          attempt,
          data,
        })),
      };
    }),
});

export const timelineRoutes = [getTimeline];
