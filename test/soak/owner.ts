import type { Control } from '../support/control.ts';
import { accountOn, hidden, visitor, type Page } from '../support/hosted-page.ts';
import { newKey, type Caller } from './caller.ts';
import type { Person } from './plan.ts';
import type { Draws } from './random.ts';

/** The person in front of the steps. */
export interface Owner {
  /** Plays until the newest attempt has ended, or `until` has passed; answers whether it has ended. */
  play(accountId: string, until?: number): Promise<boolean>;
}

const right = '123456';
/** How long an owner waits for news before looking again, in seconds. */
const glance = 2;

export function createOwner(caller: Caller, control: Control, person: Person, draws: Draws): Owner {
  const attemptPath = (id: string): string => `/api/v1/accounts/${id}/attempt`;
  const upstream = async (id: string): Promise<string | null> =>
    (await caller.get(`/api/v1/accounts/${id}`)).body.provider_account_id;
  /** The phone and the app refuse what no longer waits for them: the owner then sees the next step. */
  const onDevice = async (act: 'scan' | 'approve', accountId: string | null): Promise<void> => {
    if (!accountId) return;
    const phone = act === 'scan' ? { phone: person.phone } : {};
    await control.post(`/${act}`, { account_id: accountId, ...phone }).catch(() => undefined);
  };
  const answer = (id: string, stepId: string, text: string): Promise<unknown> =>
    caller.send('POST', `${attemptPath(id)}/steps/${stepId}`, { answer: text }, draws.chance(0.5) ? newKey() : null);
  const code = (): string => (draws.chance(0.25) ? '000000' : right);
  const browser = visitor();

  /** Walks the provider's page one form further, and the way back once the page is done. */
  const walk = async (url: string): Promise<void> => {
    let page = await browser.open(url);
    for (let forms = 0; forms < 6 && page.url.startsWith(new URL(url).origin); forms += 1) {
      const account = accountOn(page);
      if (person.channel !== 'linkedin' && account) await onDevice('scan', account);
      else if (page.html.includes('value="begin"'))
        page = await browser.send(url, {
          action: 'begin',
          provider: person.channel.toUpperCase(),
          username: person.username,
          password: 'correct horse',
        });
      else if (hidden(page)) page = await browser.send(url, { action: 'solve', at: hidden(page), code: code() });
      else return;
      page = await afterForm(page, url);
    }
    if (!page.url.startsWith(new URL(url).origin)) await fetch(page.url, { redirect: 'manual' });
  };
  /** A page that was refused is opened anew, as its reader would. */
  const afterForm = (page: Page, url: string): Promise<Page> =>
    page.status >= 400 || accountOn(page) ? browser.open(url) : Promise.resolve(page);

  const act = async (id: string, step: any): Promise<void> => {
    if (step.can_resend && draws.chance(0.1)) await caller.send('POST', `${attemptPath(id)}/steps/${step.id}/resend`);
    switch (step.kind) {
      case 'qr':
        return onDevice('scan', await upstream(id));
      case 'approve':
        return onDevice('approve', await upstream(id));
      case 'captcha':
        if (draws.chance(0.5)) return onDevice('approve', await upstream(id));
        return void (await answer(id, step.id, code()));
      case 'code':
        return void (await answer(id, step.id, code()));
      case 'phone':
        return void (await answer(id, step.id, person.phone));
      case 'choose':
        return void (await answer(id, step.id, draws.pick<any>(step.options).id));
      case 'redirect':
        return walk(step.url).catch(() => undefined);
      default:
    }
  };

  return {
    play: async (id, until = Infinity) => {
      for (let last = ''; Date.now() < until;) {
        const wait = last ? `?after=${last}&wait=${glance}` : '';
        const { status, body } = await caller.get(attemptPath(id) + wait);
        if (status !== 200 || body.state !== 'running') return true;
        last = body.step.id;
        await act(id, body.step);
      }
      return false;
    },
  };
}
