import { z } from 'zod';
import { stopsOf } from '../../db/queries/tenants/sending-stops.ts';
import { startSending, stopSending } from '../../services/guard/stop-sending.ts';
import { route } from '../http/route.ts';
import { stopAnswer, stopView } from '../views/guard.ts';

const tag = 'tenant';

const sendingAnswer = z
  .object({
    stopped: z.boolean(),
    stops: z.array(stopAnswer.extend({ note: z.string().nullable() })).describe('Each must be lifted.'),
  })
  .meta({ id: 'Sending' });

type Stops = Awaited<ReturnType<typeof stopsOf>>;
const sendingView = (stops: Stops): z.input<typeof sendingAnswer> => ({
  stopped: stops.length > 0,
  stops: stops.map((stop) => ({ ...stopView(stop), note: stop.note })),
});

const get = route({
  name: 'getSending',
  method: 'get',
  path: '/tenant/sending',
  summary: 'Whether messages of your tenant are sent, and if not why',
  tag,
  scope: 'read',
  answer: sendingAnswer,
  handle: async ({ context, principal: { tenantId } }) => ({
    body: sendingView(await context.db.tenant(tenantId, (em) => stopsOf(em, tenantId))),
  }),
});

const stop = route({
  name: 'stopSending',
  method: 'post',
  path: '/tenant/stop-sending',
  summary: 'Stop the sending of your tenant, also of messages that are queued: they wait in their order',
  tag,
  scope: 'admin',
  idempotent: true,
  body: z.object({ note: z.string().max(500).optional().describe('Why, for people who look later.') }),
  example: { note: 'A campaign went wrong' },
  answer: sendingAnswer,
  handle: async ({ context, principal: { tenantId }, body }) => ({
    body: sendingView(await stopSending(context, { tenantId, reason: 'tenant' }, body.note ?? null)),
  }),
});

const resume = route({
  name: 'resumeSending',
  method: 'post',
  path: '/tenant/resume-sending',
  summary: 'Let messages of your tenant be sent again; stops of the operator stay',
  tag,
  scope: 'admin',
  idempotent: true,
  answer: sendingAnswer,
  handle: async ({ context, principal: { tenantId } }) => ({
    body: sendingView(await startSending(context, { tenantId, reason: 'tenant' })),
  }),
});

export const tenantSendingRoutes = [get, stop, resume];
