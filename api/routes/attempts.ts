import { encodeQR } from 'qr';
import { z } from 'zod';
import { ConnectionStep } from '../../db/entities/attempts.ts';
import type { AttemptWithStep } from '../../db/queries/attempts/attempt-with-step.ts';
import { isId } from '../../platform/ids.ts';
import { answerStep, moveStep } from '../../services/connections/answer-step.ts';
import { reconnectAccount } from '../../services/connections/connect-account.ts';
import { cancelAttempt } from '../../services/connections/disconnect-account.ts';
import { ownAccount } from '../../services/accounts/find-account.ts';
import { currentAttempt, watchAttempt } from '../../services/connections/read-attempt.ts';
import type { CallerRequest } from '../../services/principal.ts';
import { Problem } from '../../services/problem.ts';
import { attemptAddress } from '../http/addresses.ts';
import { route } from '../http/route.ts';
import { accountAndAttempt, accountAndAttemptView, attemptAnswer, attemptView } from '../views/attempt.ts';
import { contentOf } from '../../services/connections/login/steps.ts';
import { accountParams, credentialsBody, mergeAcrossOwners, redirectsBody } from './accounts.ts';

const tag = 'attempt';
const answered = ({ context, principal }: CallerRequest, attempt: AttemptWithStep) =>
  attemptView(context, principal, attempt);
const stepParams = accountParams.extend({ step_id: z.string().describe('The step.') });

/** The longest time that a request may wait for another step, in seconds. */
const longestWait = 60;

const getAttempt = route({
  name: 'getAttempt',
  method: 'get',
  path: '/accounts/{id}/attempt',
  summary: 'Read the newest attempt and its step; with after and wait, as soon as the step is another one',
  tag,
  scope: 'read',
  params: accountParams,
  query: z.object({
    after: z.string().optional().describe('The id of the step that the caller knows.'),
    wait: z.coerce.number().min(0).max(longestWait).default(0).describe('Seconds to wait for another step.'),
  }),
  answer: attemptAnswer,
  handle: async ({ context, principal, params, query, gone }) => ({
    body: await attemptView(context, principal, await watchAttempt(context, principal, params.id, query, gone)),
  }),
});

const solveStep = route({
  name: 'answerStep',
  method: 'post',
  path: '/accounts/{id}/attempt/steps/{step_id}',
  summary: 'Answer a step: the code, the phone number, the id of an option',
  tag,
  scope: 'write',
  idempotent: true,
  params: stepParams,
  body: z.object({ answer: z.string().max(20_000) }),
  answer: attemptAnswer,
  status: 202,
  watch: ({ account_id: id }) => attemptAddress(id),
  handle: async (call) => ({
    body: await answered(
      call,
      await answerStep({ ...call, accountId: call.params.id, stepId: call.params.step_id }, call.body.answer),
    ),
  }),
});

const resend = route({
  name: 'resendCode',
  method: 'post',
  path: '/accounts/{id}/attempt/steps/{step_id}/resend',
  summary: 'Have the code of a step sent again',
  tag,
  scope: 'write',
  idempotent: true,
  params: stepParams,
  answer: attemptAnswer,
  status: 202,
  watch: ({ account_id: id }) => attemptAddress(id),
  handle: async (call) => ({
    body: await answered(
      call,
      await moveStep({ ...call, accountId: call.params.id, stepId: call.params.step_id }, 'resend'),
    ),
  }),
});

const anotherWay = route({
  name: 'tryAnotherWay',
  method: 'post',
  path: '/accounts/{id}/attempt/steps/{step_id}/another-way',
  summary: 'Request another kind of checkpoint',
  tag,
  scope: 'write',
  idempotent: true,
  params: stepParams,
  answer: attemptAnswer,
  status: 202,
  watch: ({ account_id: id }) => attemptAddress(id),
  handle: async (call) => ({
    body: await answered(
      call,
      await moveStep({ ...call, accountId: call.params.id, stepId: call.params.step_id }, 'another_way'),
    ),
  }),
});

const cancel = route({
  name: 'cancelAttempt',
  method: 'post',
  path: '/accounts/{id}/attempt/cancel',
  summary: 'Cancel the running attempt; what it made at the provider is deleted there',
  tag,
  scope: 'write',
  idempotent: true,
  params: accountParams,
  answer: attemptAnswer,
  status: 202,
  watch: ({ account_id: id }) => attemptAddress(id),
  handle: async (call) => ({ body: await answered(call, await cancelAttempt(call, call.params.id)) }),
});

export const reconnect = route({
  name: 'reconnectAccount',
  method: 'post',
  path: '/accounts/{id}/reconnect',
  summary: 'Log an account in again, under the same id and with its data kept; joins a login that runs',
  tag,
  scope: 'write',
  idempotent: true,
  params: accountParams,
  body: z.object({
    credentials: credentialsBody.optional().describe('Without them the stored ones are used.'),
    redirects: redirectsBody.optional().describe('Without them those of the last login are used.'),
    merge_across_owners: mergeAcrossOwners.optional(),
    force: z.boolean().optional().describe('Replace a login that runs, and log in again although the account works.'),
  }),
  answer: accountAndAttempt,
  status: 202,
  watch: ({ account }) => attemptAddress(account.id),
  handle: async (call) => ({
    body: await accountAndAttemptView(
      call.context,
      call.principal,
      await reconnectAccount(call, call.params.id, call.body),
    ),
  }),
});

const qrImage = route({
  name: 'getQrImage',
  method: 'get',
  path: '/accounts/{id}/attempt/steps/{step_id}/qr.svg',
  summary: 'The QR code of a step as a picture; without a key at the signed address that image_url is',
  tag,
  scope: 'read',
  params: stepParams,
  answer: z.string(),
  contentType: 'image/svg+xml',
  handle: ({ context, principal, params }) =>
    context.db.tenant(principal.tenantId, async (em) => {
      const account = await ownAccount(em, params.id);
      const { step_id: id } = params;
      const step = isId(id) ? await em.findOne(ConnectionStep, { id, accountId: account.id }) : null;
      const content = step && contentOf(await context.vault.keysOf(em, principal.tenantId), step);
      if (content?.kind !== 'qr') throw new Problem('not_found', 'The account has no such QR code, or no longer.');
      return { body: encodeQR(content.text, 'svg') };
    }),
});

/** For callers that do not know the id of the step. */
export const solveCurrentStep = route({
  name: 'answerCurrentStep',
  method: 'post',
  path: '/accounts/{id}/attempt/answer',
  summary: 'Answer the current step of the attempt',
  tag,
  scope: 'write',
  idempotent: true,
  params: accountParams,
  body: z.object({ answer: z.string().max(20_000) }),
  answer: attemptAnswer,
  status: 202,
  watch: ({ account_id: id }) => attemptAddress(id),
  handle: async (call) => {
    const { attempt, step } = await currentAttempt(call.context, call.principal, call.params.id);
    // Between two steps, and before the first, the attempt's own id stands for the step.
    const stepId = step?.id ?? attempt.id;
    return {
      body: await answered(call, await answerStep({ ...call, accountId: call.params.id, stepId }, call.body.answer)),
    };
  },
});

export const attemptRoutes = [getAttempt, solveStep, resend, anotherWay, cancel, reconnect, qrImage, solveCurrentStep];
