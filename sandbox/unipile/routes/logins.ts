import type { Response } from 'express';
import { z } from 'zod';
import { invalid } from '../errors.ts';
import type { Route } from '../http.ts';
import { CREATE_BODIES, RECONNECT_BODIES, type LoginBody } from '../login/bodies.ts';
import { begin, runningLogin, solve, type LoginResult } from '../login/login.ts';
import { getAccount, type State } from '../state.ts';
import { parseBody } from '../validate.ts';

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
export function loginRoutes(state: State): Route[] {
  return [
    {
      method: 'post',
      path: '/accounts',
      body: 'json',
      handle: (req, res) => answer(res, begin(state, readBody(state, CREATE_BODIES, req.body), null)),
    },
    {
      method: 'post',
      path: '/accounts/checkpoint',
      body: 'json',
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
      body: 'json',
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
      body: 'json',
      handle(req, res) {
        const account = getAccount(state, String(req.params['id']));
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
