import type { Response } from 'express';
import { z } from 'zod';
import { jsonBody } from '../../server/api.ts';
import { invalid, notFound, notImplemented } from '../errors.ts';
import { CREATE_BODIES, type LoginBody, RECONNECT_BODIES } from '../login/bodies.ts';
import { type LoginResult, runningLogin, solveCheckpoint, startLogin } from '../login/login.ts';
import { readPage, takeFirst } from '../paging.ts';
import { parseBody, route, type Route } from '../request.ts';
import { getAccount, positionOf, removeAccount, type State, syncStatus } from '../state.ts';
import { accountView } from '../views/accounts.ts';
import { emitStatus } from '../webhooks.ts';

export function accountRoutes(state: State): Route[] {
  const variants = state.variants.values;
  return [
    route('GET /accounts', (req, res) => {
      const page = readPage(req, []);
      const last = page.last && state.accounts.get(page.last.id);
      const rest = state.list.slice(last ? positionOf(state, last.seq + 1) : 0).values();
      const { items, cursor } = takeFirst(page, rest, ({ id }) => id);
      res.json({ object: 'AccountList', items: items.map((account) => accountView(account, variants)), cursor });
    }),
    route('GET /accounts/:id', (req, res) => {
      const account = getAccount(state, req.params['id']!);
      if (account.identity === null && variants.unscanned_account === 'not_found') throw notFound('Account');
      res.json(accountView(account, variants));
    }),
    route('DELETE /accounts/:id', (req, res) => {
      const account = getAccount(state, req.params['id']!);
      removeAccount(state, account);
      emitStatus(state, account, 'DELETED');
      res.json({ object: 'AccountDeleted' });
    }),
    route('POST /accounts/:id/restart', (req, res) => {
      const account = getAccount(state, req.params['id']!);
      const restarts = account.identity !== null && account.status !== 'CREDENTIALS';
      if (restarts && account.status !== 'OK') {
        account.status = 'OK';
        emitStatus(state, account, 'OK');
        account.pendingEvents.release();
      }
      res.json({ object: restarts ? 'AccountRestarted' : 'AccountFailedToRestart' });
    }),
    route('GET /accounts/:id/sync', { hasEffect: true }, (req, res) => {
      const account = getAccount(state, req.params['id']!);
      if (account.type !== 'LINKEDIN' && account.type !== 'TELEGRAM') {
        throw notImplemented('Only LinkedIn and Telegram accounts can be synced again.');
      }
      res.json({ object: 'AccountResync', status: syncStatus(account) });
    }),
  ];
}

const provider = z.looseObject({ provider: z.enum(Object.keys(CREATE_BODIES) as (keyof typeof CREATE_BODIES)[]) });
const solveBody = z.object({
  provider: z.enum(['LINKEDIN', 'INSTAGRAM', 'TWITTER', 'MESSENGER']),
  account_id: z.string().min(1),
  code: z.string().min(1),
});
const resendBody = z.object({
  provider: z.enum(['LINKEDIN', 'INSTAGRAM', 'MESSENGER']),
  account_id: z.string().min(1),
});

export function loginRoutes(state: State): Route[] {
  return [
    route('POST /accounts', { body: jsonBody }, (req, res) =>
      answer(res, startLogin(state, readBody(state, CREATE_BODIES, req.body), null)),
    ),
    route('POST /accounts/checkpoint', { body: jsonBody }, (req, res) => {
      const body = parseBody(state, [solveBody], req.body);
      const account = getAccount(state, body.account_id);
      if (account.type !== body.provider) throw invalid(`This is a ${account.type} account.`);
      answer(res, solveCheckpoint(state, account, body.code));
    }),
    route('POST /accounts/checkpoint/resend', { body: jsonBody }, (req, res) => {
      const body = parseBody(state, [resendBody], req.body);
      const account = getAccount(state, body.account_id);
      const login = runningLogin(state, account);
      const type = login.steps[0]?.type;
      if (type !== '2FA' && type !== 'OTP' && type !== 'IN_APP_VALIDATION') throw invalid('Nothing can be sent again.');
      const checkpoint = state.variants.values.resend_answer === 'checkpoint';
      res.json({
        object: checkpoint ? 'Checkpoint' : 'CheckpointResend',
        account_id: account.id,
        ...(!checkpoint && { success: true }),
      });
    }),
    route('POST /accounts/:id', { body: jsonBody }, (req, res) => {
      const account = getAccount(state, req.params['id']!);
      const body = readBody(state, RECONNECT_BODIES, req.body);
      if (account.type !== body.provider) throw invalid(`This is a ${account.type} account.`);
      answer(res, startLogin(state, body, account));
    }),
  ];
}

function readBody(state: State, bodies: typeof CREATE_BODIES | typeof RECONNECT_BODIES, body: unknown): LoginBody {
  const named = provider.safeParse(body ?? {});
  if (!named.success) throw invalid(`provider must be one of ${Object.keys(CREATE_BODIES).join(', ')}.`);
  const shapes: readonly z.ZodObject[] = bodies[named.data.provider];
  return parseBody(state, shapes, body) as LoginBody;
}

function answer(res: Response, result: LoginResult): void {
  const account_id = result.account.id;
  if ('checkpoint' in result) {
    res.status(202).json({ object: 'Checkpoint', account_id, checkpoint: result.checkpoint });
    return;
  }
  res.status(201).json({ object: result.done === 'create' ? 'AccountCreated' : 'AccountReconnected', account_id });
}
