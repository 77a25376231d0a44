import { z } from 'zod';
import type { Em } from '../../db/connect.ts';
import { Account } from '../../db/entities/accounts.ts';
import { Erasure } from '../../db/entities/privacy.ts';
import { liftErasure, openErasure } from '../../db/queries/erasures/erasures.ts';
import { findPerson, type Person } from '../../db/queries/erasures/find-person.ts';
import { changeTopics } from '../../domain/change-topics.ts';
import { noCounts } from '../../domain/erasure.ts';
import { isId } from '../../platform/ids.ts';
import { anyContact } from '../../services/contacts/find-contacts.ts';
import { afterCursor, page, pageOf, pageQuery, time, wireTime, wireTimeOrNull } from '../http/pagination.ts';
import { Problem } from '../../services/problem.ts';
import { route, type Call } from '../http/route.ts';
import { subjectAsked } from '../../services/erasures/subject-asked.ts';
import { pollUntil } from '../../platform/poll-until.ts';

const tag = 'erasures';
const count = z.number().int();
const params = z.object({ id: z.string().describe('The erasure.') });
const wait = z.coerce.number().min(0).max(20).default(0).describe('Seconds to wait for the end.');

const erasureAnswer = z
  .object({
    id: z.string(),
    state: z.enum(['running', 'done', 'lifted']),
    requested_at: time,
    lifted_at: time.nullable(),
    receipt: z
      .object({
        erased_at: time,
        contacts: count.describe('Merged ones included.'),
        aliases: count.describe('Names under which accounts knew the person.'),
        raw_records: count.describe("The provider's entries behind the contacts."),
        webhook_bodies: count.describe('Sealed bodies of events that spoke of the person.'),
        sync_runs: count.describe('Syncs that were about the person alone.'),
        stored_answers: count.describe('Answers that were kept for repeats of requests.'),
        timeline_entries: count,
        conversations: count,
        messages: count,
      })
      .nullable()
      .describe('What was erased: numbers, nothing of the person. Null until it is done.'),
  })
  .meta({ id: 'Erasure' });

const erasureView = (erasure: Erasure): z.input<typeof erasureAnswer> => ({
  id: erasure.id,
  state: erasure.state,
  requested_at: wireTime(erasure.requestedAt),
  lifted_at: wireTimeOrNull(erasure.liftedAt),
  receipt: erasure.erasedAt && { erased_at: wireTime(erasure.erasedAt), ...noCounts, ...erasure.counts },
});

/** An account's owner is no entry in an address book: their data goes with the account. */
async function refuseOwn(em: Em, { subjects }: Person): Promise<void> {
  const numbers = subjects.flatMap(({ value }) => /^(\d+)@s\.whatsapp\.net$/.exec(value)?.[1] ?? []);
  const own = await em.findOne(Account, { identity: numbers.map((number) => `+${number}`), mergedInto: null });
  if (own) throw new Problem('account_of_yours', `The number is the account ${own.id}.`);
}

/** Stores the request and starts its workflow; when Temporal does not take it now, the reconciler starts it later. */
async function erase(
  { context, principal, operationId, gone }: Call,
  seconds: number,
  find: (em: Em) => Promise<Person>,
): Promise<{ body: z.input<typeof erasureAnswer> }> {
  const { db, vault, clock, temporal, log } = context;
  const { tenantId } = principal;
  const ref = { tenantId, erasureId: operationId };
  await db.tenant(tenantId, async (em) => {
    const person = await find(em);
    await refuseOwn(em, person);
    await openErasure(em, vault, ref, person, clock.now());
  });
  try {
    await temporal.startErasure(ref, 'api');
  } catch (error) {
    log.warn({ erasure: operationId, err: error }, 'an erasure could not be started; the reconciler will');
  }
  const look = () => db.tenant(tenantId, (em) => em.findOneOrFail(Erasure, { id: operationId }));
  const wait = { tenantId, topics: [changeTopics.erasure(operationId)], seconds, gone };
  const erasure = await pollUntil(context.changes, wait, look, ({ state }) => state !== 'running');
  return { body: erasureView(erasure) };
}

const eraseContact = route({
  name: 'eraseContact',
  method: 'post',
  path: '/contacts/{id}/erase',
  summary: 'Erase the person behind a contact, in all accounts',
  tag,
  scope: 'write',
  idempotent: true,
  params: z.object({ id: z.string().describe('The contact.') }),
  query: z.object({ wait }),
  answer: erasureAnswer,
  status: 202,
  watch: ({ id }) => `/api/v1/erasures/${id}`,
  handle: (call) =>
    erase(call, call.query.wait, async (em) => {
      const { id } = await anyContact(em, call.params.id);
      return findPerson(em, { subjects: [], contactIds: [id] });
    }),
});

const text = z.string().min(3).max(255).optional();
/** How requests name a person. */
export const personWords = {
  phone: text,
  jid: text,
  lid: text,
  identity: text.describe('The identity of the person on a channel without numbers.'),
};

const erasePerson = route({
  name: 'erasePerson',
  method: 'post',
  path: '/erasures',
  summary: 'Erase a person by number, JID or LID, in all accounts, known to one or not',
  tag,
  scope: 'write',
  idempotent: true,
  query: z.object({ wait }),
  body: z.object(personWords).describe('One of them.'),
  example: { phone: '+33639980100' },
  answer: erasureAnswer,
  status: 202,
  watch: ({ id }) => `/api/v1/erasures/${id}`,
  handle: (call) => {
    const subject = subjectAsked(call.body);
    return erase(call, call.query.wait, (em) => findPerson(em, { subjects: [subject], contactIds: [] }));
  },
});

const listErasures = route({
  name: 'listErasures',
  method: 'get',
  path: '/erasures',
  summary: 'List the erasures, newest first',
  tag,
  scope: 'read',
  looks: true,
  query: z.object(pageQuery),
  answer: pageOf(erasureAnswer),
  handle: ({ context, principal, query: { limit, cursor } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const found = await em.find(Erasure, afterCursor(cursor, 'desc'), { orderBy: { id: 'desc' }, limit: limit + 1 });
      return { body: page(found, limit, erasureView) };
    }),
});

async function anyErasure(em: Em, id: string): Promise<Erasure> {
  const erasure = isId(id) ? await em.findOne(Erasure, { id }, { refresh: true }) : null;
  if (!erasure) throw new Problem('not_found', 'There is no such erasure.');
  return erasure;
}

const getErasure = route({
  name: 'getErasure',
  method: 'get',
  path: '/erasures/{id}',
  summary: 'Read an erasure and its receipt',
  tag,
  scope: 'read',
  looks: true,
  params,
  answer: erasureAnswer,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => ({ body: erasureView(await anyErasure(em, id)) })),
});

const lift = route({
  name: 'liftErasure',
  method: 'delete',
  path: '/erasures/{id}',
  summary: 'Lift an erasure: what was erased stays so, but the person may come back by a sync or an event',
  tag,
  scope: 'admin',
  params,
  answer: erasureAnswer,
  handle: ({ context, principal, params: { id } }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      if ((await anyErasure(em, id)).state === 'running') throw new Problem('erasure_running');
      await liftErasure(em, id, context.clock.now());
      return { body: erasureView(await anyErasure(em, id)) };
    }),
});

export const erasureRoutes = [eraseContact, erasePerson, listErasures, getErasure, lift];
