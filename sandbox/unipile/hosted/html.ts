import encodeQR from 'qr';
import type { AccountType, Checkpoint } from '../types.ts';
import type { HostedLink } from './links.ts';

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);

/** A page without script. `refresh`: it asks again by itself, every second. */
function page(title: string, body: string, refresh = false): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    ${refresh ? '<meta http-equiv="refresh" content="1" />' : ''}
    <title>${escape(title)}</title>
    <style>
      body { font: 16px/1.5 sans-serif; max-width: 24rem; margin: 3rem auto; padding: 0 1rem }
      label, button { display: block; margin: 0.75rem 0 } input, select { width: 100%; font: inherit }
      .problem { color: #a00 } svg { width: 100% }
    </style>
  </head>
  <body>
    <main>
      <h1>${escape(title)}</h1>
      ${body}
    </main>
  </body>
</html>
`;
}

const problemOf = ({ problem }: HostedLink): string =>
  problem ? `<p class="problem" role="alert">${escape(problem)}</p>` : '';
const cancel = '<form method="post"><button name="action" value="cancel">Cancel</button></form>';
const byQr = (type: AccountType): boolean => type === 'WHATSAPP' || type === 'TELEGRAM';

/** Who logs in, and where. */
export function startPage(link: HostedLink): string {
  const options = link.types.map((type) => `<option value="${type}">${type}</option>`).join('');
  const onlyQr = link.types.every(byQr);
  const login = `<label>User name <input name="username" autocomplete="username" /></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" /></label>`;
  return page(
    link.known ? 'Log in again' : 'Connect an account',
    `${problemOf(link)}
      <form method="post">
        <label>Service <select name="provider">${options}</select></label>
        ${onlyQr ? '' : login}
        <button name="action" value="begin">${onlyQr ? 'Show the QR code' : 'Log in'}</button>
      </form>
      ${cancel}`,
  );
}

/** What the login asks for now. The account's id is in the page for whoever plays the phone. */
export function checkpointPage(link: HostedLink, accountId: string, at: string, checkpoint: Checkpoint): string {
  const hidden = `<input type="hidden" name="at" value="${at}" />`;
  const field = (label: string): string => `<form method="post">${hidden}
        <label>${label} <input name="code" autocomplete="one-time-code" autofocus /></label>
        <button name="action" value="solve">Continue</button>
      </form>`;
  const asks: { [T in Checkpoint['type']]: (one: Extract<Checkpoint, { type: T }>) => string } = {
    QRCODE: (one) => `<p>Scan this code with your phone.</p>${encodeQR(one.qrcode, 'svg')}`,
    '2FA': (one) => field(`Code (${one.source ?? 'SMS or app'})`),
    OTP: () => field('Code'),
    PHONE_REGISTER: () => field('Phone number, as (+33)0612345678'),
    IN_APP_VALIDATION: () => '<p>Approve the login in your app.</p>',
    CAPTCHA: () => field('Captcha token'),
    CONTRACT_CHOOSER: (one) => `<form method="post">${hidden}
        <label>Contract <select name="code">${one.contract_options
          .map(({ id, name }) => `<option value="${escape(id)}">${escape(name)}</option>`)
          .join('')}</select></label>
        <button name="action" value="solve">Continue</button>
      </form>`,
  };
  const ask = asks[checkpoint.type] as (one: Checkpoint) => string;
  const waits = checkpoint.type === 'QRCODE' || checkpoint.type === 'IN_APP_VALIDATION';
  const inner = `${problemOf(link)}${ask(checkpoint)}${cancel}`;
  return page('One more step', `<div data-account-id="${escape(accountId)}">${inner}</div>`, waits);
}

export const endPage = (title: string, text: string): string => page(title, `<p>${escape(text)}</p>`);
