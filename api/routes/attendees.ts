import { z } from 'zod';
import { listAttendees as attendeesPage } from '../../db/queries/conversations/people.ts';
import { anyAttendee, checkNamed } from '../../services/conversations/find-conversations.ts';
import { peopleById } from '../../services/conversations/people.ts';
import { pictureFile } from '../../services/media/picture-file.ts';
import { matchingPeople } from '../../services/search/search.ts';
import { cursorId, page, pageOf, pageQuery } from '../http/pagination.ts';
import { route } from '../http/route.ts';
import { fetching, patienceOf, pictureOrLater, waitQuery } from '../views/file.ts';
import { attendeeAnswer, attendeeView } from '../views/attendee.ts';

const tag = 'attendees';
const attendeeParams = z.object({ id: z.string().describe('The attendee.') });

export const listAttendees = route({
  name: 'listAttendees',
  method: 'get',
  path: '/attendees',
  summary: 'List the people of conversations',
  tag,
  scope: 'read',
  query: z.object({
    ...pageQuery,
    account: z.string().optional(),
    conversation: z.string().optional(),
    q: z.string().max(200).optional().describe('Beginnings of words of their names, or digits of their number.'),
  }),
  answer: pageOf(attendeeAnswer),
  handle: ({ context, principal: { tenantId }, query: { limit, cursor, q, ...filter } }) =>
    context.db.tenant(tenantId, async (em) => {
      const named = await checkNamed(em, filter);
      const among = q === undefined ? undefined : await matchingPeople(em, tenantId, q, named);
      const found = await attendeesPage(em, { ...named, among }, { after: cursorId(cursor), limit: limit + 1 });
      const { items, next_cursor } = page(found, limit, ({ id }) => id);
      const people = await peopleById(em, items);
      const view = attendeeView(context.publicUrl);
      return { body: { items: items.flatMap((id) => people.get(id) ?? []).map(view), next_cursor } };
    }),
});

const getAttendee = route({
  name: 'getAttendee',
  method: 'get',
  path: '/attendees/{id}',
  summary: 'Read a person of conversations',
  tag,
  scope: 'read',
  params: attendeeParams,
  answer: attendeeAnswer,
  handle: ({ context, principal, params }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const { id } = await anyAttendee(em, params.id);
      const people = await peopleById(em, [id]);
      return { body: attendeeView(context.publicUrl)(people.get(id)!) };
    }),
});

/** The provider's own addresses expire, and tell it of every reader. */
export const getPicture = route({
  name: 'getAttendeePicture',
  method: 'get',
  path: '/attendees/{id}/picture',
  summary: "Read a person's picture; one that is not here yet is fetched at once",
  tag,
  scope: 'read',
  file: true,
  params: attendeeParams,
  query: waitQuery,
  answer: fetching,
  handle: async ({ context, principal: { tenantId }, params, query, gone }) => {
    const { id } = await context.db.tenant(tenantId, (em) => anyAttendee(em, params.id));
    const ref = { tenantId, owner: 'attendees', id } as const;
    return pictureOrLater(context, await pictureFile(context, ref, patienceOf(query, gone)));
  },
});

export const attendeeRoutes = [listAttendees, getAttendee, getPicture];
