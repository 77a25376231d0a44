import { emitStatus } from '../events.ts';
import { notFound, notImplemented } from '../errors.ts';
import type { Route } from '../http.ts';
import { catchUp } from '../missed.ts';
import { readPage, writeCursor } from '../paging.ts';
import { getAccount, positionOf, removeAccount, type State } from '../state.ts';
import { syncStatus } from '../sync.ts';
import { accountView } from '../views/account.ts';

/** Accounts: list, one, delete, restart, resync. */
export function accountRoutes(state: State): Route[] {
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
        const account = getAccount(state, String(req.params['id']));
        if (account.identity === null && variants.unscanned_account === 'not_found') throw notFound('Account');
        res.json(accountView(account, variants));
      },
    },
    {
      method: 'delete',
      path: '/accounts/:id',
      handle(req, res) {
        const account = getAccount(state, String(req.params['id']));
        removeAccount(state, account);
        emitStatus(state, account, 'DELETED');
        res.json({ object: 'AccountDeleted' });
      },
    },
    {
      method: 'post',
      path: '/accounts/:id/restart',
      handle(req, res) {
        const account = getAccount(state, String(req.params['id']));
        const restarts = account.identity !== null && account.status !== 'CREDENTIALS';
        if (restarts && account.status !== 'OK') {
          account.status = 'OK';
          emitStatus(state, account, 'OK');
          catchUp(account);
        }
        res.json({ object: restarts ? 'AccountRestarted' : 'AccountFailedToRestart' });
      },
    },
    {
      method: 'get',
      path: '/accounts/:id/sync',
      handle(req, res) {
        const account = getAccount(state, String(req.params['id']));
        if (account.type !== 'LINKEDIN' && account.type !== 'TELEGRAM') {
          throw notImplemented('Only LinkedIn and Telegram accounts can be synced again.');
        }
        res.json({ object: 'AccountResync', status: syncStatus(account) });
      },
    },
  ];
}
