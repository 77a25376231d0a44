import type { Control } from '../support/control.ts';
import { accountOn, hidden, visitor, type Page } from '../support/hosted-page.ts';
import { newKey, type Caller } from './caller.ts';
import type { Person } from './plan.ts';
import type { Draws } from './random.ts';

/** Answers the steps of an account as its owner. */
export interface Owner {
  /** Answers steps until the newest attempt has ended or `until` has passed; answers whether it has ended. */
  answerSteps(accountId: string, until?: number): Promise<boolean>;
}

const rightCode = '123456';
/** Of a long poll for the next step, in seconds. */
const pollSeconds = 2;

export function createOwner(caller: Caller, control: Control, person: Person, draws: Draws): Owner {
  const attemptPath = (id: string): string => `/api/v1/accounts/${id}/attempt`;
  const upstream = async (id: string): Promise<string | null> =>
    (await caller.get(`/api/v1/accounts/${id}`)).body.provider_account_id;
  /** The sandbox refuses a scan or an approval that is no longer expected: the next step then tells why. */
  const onDevice = async (act: 'scan' | 'approve', accountId: string | null): Promise<void> => {
    if (!accountId) return;
    const phone = act === 'scan' ? { phone: person.phone } : {};
    await control.post(`/${act}`, { account_id: accountId, ...phone }).catch(() => undefined);
  };
  const answer = (id: string, stepId: string, text: string): Promise<unknown> =>
    caller.send('POST', `${attemptPath(id)}/steps/${stepId}`, { answer: text }, draws.chance(0.5) ? newKey() : null);
  const code = (): string => (draws.chance(0.25) ? '000000' : rightCode);
  const browser = visitor();

  /** Fills in the provider's page, form by form, and follows its redirect at the end. */
  const fillIn = async (url: string): Promise<void> => {
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
  /** A refused page is opened again, as a person would do. */
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
        return fillIn(step.url).catch(() => undefined);
      default:
    }
  };

  return {
    answerSteps: async (id, until = Infinity) => {
      for (let last = ''; Date.now() < until;) {
        const wait = last ? `?after=${last}&wait=${pollSeconds}` : '';
        const { status, body } = await caller.get(attemptPath(id) + wait);
        if (status !== 200 || body.state !== 'running') return true;
        last = body.step.id;
        await act(id, body.step);
      }
      return false;
    },
  };
}
