import { type HostedLink, wordOf } from './links.ts';
import type { CurrentStep } from './login.ts';
import type { AccountType, Checkpoint } from '../types.ts';

import encodeQR from 'qr';
import { alertText as alert, escapeHtml as escape, htmlPage as page } from '../../server/html.ts';

const button = (action: string, text: string): string => `<button name="action" value="${action}">${text}</button>`;
const cancel = `<form method="post">${button('cancel', 'Cancel')}</form>`;
const byQr = (type: AccountType): boolean => type === 'WHATSAPP' || type === 'TELEGRAM';

const NAMES: Record<AccountType, string> = {
  WHATSAPP: 'WhatsApp',
  TELEGRAM: 'Telegram',
  LINKEDIN: 'LinkedIn',
  INSTAGRAM: 'Instagram',
  MESSENGER: 'Messenger',
  TWITTER: 'X (Twitter)',
  MAIL: 'Mail (IMAP)',
  GOOGLE_OAUTH: 'Google',
  OUTLOOK: 'Outlook',
};

export function choicePage({ types }: HostedLink, problem: string | null): string {
  const options = types.map((type) => `<option value="${wordOf(type)}">${NAMES[type]}</option>`).join('');
  return page(
    'Connect an account',
    `${alert(problem)}
      <form method="get">
        <label>Service <select name="provider">${options}</select></label>
        <button>Continue</button>
      </form>
      ${cancel}`,
  );
}

export function credentialsPage(
  { types, known }: HostedLink,
  type: AccountType,
  problem: string | null,
  username: string,
): string {
  const fields = `<label>User name <input name="username" value="${escape(username)}" autocomplete="username" /></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" /></label>`;
  return page(
    known ? `Log in to ${NAMES[type]} again` : `Connect ${NAMES[type]}`,
    `${alert(problem)}
      <form method="post">
        <input type="hidden" name="provider" value="${wordOf(type)}" />
        ${byQr(type) ? '' : fields}
        ${button('begin', byQr(type) ? 'Show the QR code' : 'Log in')}
      </form>
      ${types.length > 1 ? '<p><a href="?">Another service</a></p>' : ''}
      ${cancel}`,
  );
}

/** The page holds the account's id for `POST /scan` and `POST /approve`. */
export function checkpointPage(
  { account, checkpoint, stepId }: CurrentStep,
  another: boolean,
  problem: string | null,
): string {
  const form = (content: string): string =>
    `<form method="post"><input type="hidden" name="at" value="${escape(stepId)}" />${content}</form>`;
  const field = (label: string): string =>
    form(`<label>${label} <input name="code" autocomplete="one-time-code" autofocus /></label>
        ${button('solve', 'Continue')}`);
  const asks: { [T in Checkpoint['type']]: (one: Extract<Checkpoint, { type: T }>) => string } = {
    QRCODE: (one) => `<p>Scan this code with your phone.</p>${encodeQR(one.qrcode, 'svg')}`,
    '2FA': (one) => field(`Code (${one.source})`),
    OTP: () => field('Code'),
    PHONE_REGISTER: () => field('Phone number, as (+33)0612345678'),
    IN_APP_VALIDATION: () => '<p>Approve the login in your app.</p>',
    CAPTCHA: () => `${field('Captcha token')}<p>Solved it on your device? <a href="">Go on</a></p>`,
    CONTRACT_CHOOSER: (one) => {
      const options = one.contract_options.map(
        ({ id, name }) => `<option value="${escape(id)}">${escape(name)}</option>`,
      );
      return form(`<label>Contract <select name="code">${options.join('')}</select></label>
        ${button('solve', 'Continue')}`);
    },
  };
  const ask = asks[checkpoint.type] as (one: Checkpoint) => string;
  const waits = checkpoint.type === 'QRCODE' || checkpoint.type === 'IN_APP_VALIDATION';
  const other = another ? form(button('another', 'Try another way')) : '';
  return page(
    `${NAMES[account.type]}: one more step`,
    `<div data-account-id="${escape(account.id)}">${alert(problem)}${ask(checkpoint)}${other}${cancel}</div>`,
    waits,
  );
}

export const endPage = (title: string, text: string): string => page(title, `<p>${escape(text)}</p>`);
