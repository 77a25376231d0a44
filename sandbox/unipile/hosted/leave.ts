import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'express';
import type { State } from '../state.ts';
import { endPage } from './html.ts';
import { wordOf, type HostedLink } from './links.ts';

/** How long a browser waits at most for the callback to be tried, in milliseconds, before it is led back. */
const LONGEST_WAIT = 2_000;

/** Back to the application, once it has been told. Without an address, a page says how it went. */
export async function leave(state: State, link: HostedLink, res: Response): Promise<void> {
  const impatient = new AbortController();
  await Promise.race([
    link.told,
    sleep(LONGEST_WAIT, undefined, { signal: impatient.signal, ref: false }).catch(() => {}),
  ]);
  impatient.abort();
  link.led = true;
  const done = link.state === 'done';
  const url = done ? link.body.success_redirect_url : link.body.failure_redirect_url;
  if (url !== undefined) return res.redirect(303, done ? withAccount(state, link, url) : url);
  const page = done ? endPage('Connected', 'You can close this page.') : endPage('Cancelled', 'Nothing was connected.');
  res.type('html').send(page);
}

/** v1 documents no parameters on the way back; by variant it says which account it was. */
function withAccount(state: State, { connected }: HostedLink, url: string): string {
  if (!connected || !state.variants.values.hosted_redirect_account) return url;
  const target = new URL(url);
  target.searchParams.set('account_id', connected.id);
  target.searchParams.set('provider', wordOf(connected.type));
  return target.href;
}
