import type { Response } from 'express';
import { z } from 'zod';
import { jsonBody, type Route } from '../../server/api.ts';
import { invalid, notFound, notImplemented } from '../errors.ts';
import { CREATE_BODIES, type LoginBody, RECONNECT_BODIES } from '../login/bodies.ts';
import { begin, type LoginResult, runningLogin, solve } from '../login/login.ts';
import { readPage, writeCursor } from '../paging.ts';
import { parseBody } from '../request.ts';
import { getAccount, positionOf, removeAccount, type State, syncStatus } from '../state.ts';
import { accountView } from '../views/accounts.ts';
import { emitStatus } from '../webhooks.ts';

/** Accounts: list, one, delete, restart, resync. */
export function accountRoutes(state: State): Route<void>[] {
  const variants = state.variants.values;
  return [
    {
      method: 'get',
      path: '/accounts',
      handle(req, res) {
        const page = readPage(req, []);
        const last = page.last && state.accounts.get(page.last.id);
        const shown: object[] = [];
        let cursor: string | null = null;
        let lastShown = '';
        for (let i = last ? positionOf(state, last.seq + 1) : 0; i < state.list.length; i++) {
          const account = state.list[i]!;
          if (shown.length === page.limit) {
            cursor = writeCursor(page, { id: lastShown });
            break;
          }
          shown.push(accountView(account, variants));
          lastShown = account.id;
        }
        res.json({ object: 'AccountList', items: shown, cursor });
      },
    },
    {
      method: 'get',
      path: '/accounts/:id',
      handle(req, res) {
        const account = getAccount(state, req.params['id']!);
        if (account.identity === null && variants.unscanned_account === 'not_found') throw notFound('Account');
        res.json(accountView(account, variants));
      },
    },
    {
      method: 'delete',
      path: '/accounts/:id',
      handle(req, res) {
        const account = getAccount(state, req.params['id']!);
        removeAccount(state, account);
        emitStatus(state, account, 'DELETED');
        res.json({ object: 'AccountDeleted' });
      },
    },
    {
      method: 'post',
      path: '/accounts/:id/restart',
      handle(req, res) {
        const account = getAccount(state, req.params['id']!);
        const restarts = account.identity !== null && account.status !== 'CREDENTIALS';
        if (restarts && account.status !== 'OK') {
          account.status = 'OK';
          emitStatus(state, account, 'OK');
          account.pendingEvents.release();
        }
        res.json({ object: restarts ? 'AccountRestarted' : 'AccountFailedToRestart' });
      },
    },
    {
      method: 'get',
      path: '/accounts/:id/sync',
      handle(req, res) {
        const account = getAccount(state, req.params['id']!);
        if (account.type !== 'LINKEDIN' && account.type !== 'TELEGRAM') {
          throw notImplemented('Only LinkedIn and Telegram accounts can be synced again.');
        }
        res.json({ object: 'AccountResync', status: syncStatus(account) });
      },
    },
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

/** Logging in: native authentication, and its checkpoints. */
export function loginRoutes(state: State): Route<void>[] {
  return [
    {
      method: 'post',
      path: '/accounts',
      body: jsonBody,
      handle: (req, res) => answer(res, begin(state, readBody(state, CREATE_BODIES, req.body), null)),
    },
    {
      method: 'post',
      path: '/accounts/checkpoint',
      body: jsonBody,
      handle(req, res) {
        const body = parseBody(state, [solveBody], req.body);
        const account = getAccount(state, body.account_id);
        if (account.type !== body.provider) throw invalid(`This is a ${account.type} account.`);
        answer(res, solve(state, account, body.code));
      },
    },
    {
      method: 'post',
      path: '/accounts/checkpoint/resend',
      body: jsonBody,
      handle(req, res) {
        const body = parseBody(state, [resendBody], req.body);
        const account = getAccount(state, body.account_id);
        const login = runningLogin(state, account);
        const type = login.steps[0]?.type;
        if (type !== '2FA' && type !== 'OTP' && type !== 'IN_APP_VALIDATION')
          throw invalid('Nothing can be sent again.');
        const checkpoint = state.variants.values.resend_answer === 'checkpoint';
        res.json({
          object: checkpoint ? 'Checkpoint' : 'CheckpointResend',
          account_id: account.id,
          ...(!checkpoint && { success: true }),
        });
      },
    },
    {
      method: 'post',
      path: '/accounts/:id',
      body: jsonBody,
      handle(req, res) {
        const account = getAccount(state, req.params['id']!);
        const body = readBody(state, RECONNECT_BODIES, req.body);
        if (account.type !== body.provider) throw invalid(`This is a ${account.type} account.`);
        answer(res, begin(state, body, account));
      },
    },
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
