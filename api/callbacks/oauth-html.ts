import type { OAuthRefusal } from '../../services/connections/oauth-state.ts';
import type { OAuthEnd } from '../../services/connections/return-from-oauth.ts';
import { link, textPage } from './login-page-html.ts';

const close = 'You can close this page.';
const startAgain = 'Go back to your application and start the login again.';

/** What a browser is told that is sent nowhere, with the status of the answer. */
export const refusals: Record<OAuthRefusal | 'malformed', { status: number; title: string; text: string }> = {
  malformed: { status: 400, title: 'This address is not complete', text: startAgain },
  unknown: {
    status: 404,
    title: 'This login is not known',
    text: `Its address was changed, or a newer one has taken its place. ${startAgain}`,
  },
  other_browser: {
    status: 403,
    title: 'Another browser began this login',
    text: 'A login must end in the browser in which it began, and that browser must keep cookies. Open the link of your application in this browser, and log in here.',
  },
  used: {
    status: 409,
    title: 'This login was used already',
    text: 'It counts once. Your application shows what came of it.',
  },
  over: { status: 410, title: 'This login is over', text: startAgain },
};

export const refusalPage = (reason: keyof typeof refusals): string =>
  textPage(refusals[reason].title, [refusals[reason].text]);

const titles: Record<OAuthEnd['went'], string> = {
  connected: 'Connected',
  choice: 'One more step',
  again: 'That did not work',
  declined: 'Not connected',
  failed: 'Not connected',
  under_way: 'Thank you',
};

/** The page for owners whose application gave no return address: what came of the login. */
export function endPage({ went, name, detail, url }: OAuthEnd): string {
  const told: Record<OAuthEnd['went'], (string | null)[]> = {
    connected: [name ? `${name} is connected.` : 'The account is connected.', detail, close],
    choice: ['The login has several accounts. Choose one in your application.', close],
    again: ['The login page gave a code that does not count.'],
    declined: ['You did not give your agreement. You can close this page, or start again.'],
    failed: [detail ?? startAgain],
    under_way: ['Your login is being connected.', close],
  };
  const texts = told[went].flatMap((text) => text ?? []);
  return textPage(titles[went], texts, url ? link(url, 'Log in again') : '');
}
