import type { LoginBody } from './bodies.ts';
import type { State } from '../state.ts';
import type { Account, AccountType, Identity } from '../types.ts';
import { nameFor } from '../../world/people.ts';
import { jidOf } from '../../world/whatsapp.ts';
import { hashText } from '../../world/random.ts';

/** In lower case: equal names are one identity. Null for a QR login. A mail account's reconnect has passwords only. */
export function usernameOf(body: LoginBody, known: Identity | null): string | null {
  const mailUser = body.imap_user ?? known?.params['imap_user'];
  const name = body.username ?? mailUser ?? body.access_token ?? body.sessionid ?? body.refresh_token;
  return typeof name === 'string' ? name.toLowerCase() : null;
}

/** Follows from the user name alone, so that logging in twice shows the same person. */
export function identityOf(body: LoginBody, username: string): Identity {
  const type = body.provider;
  const digits = String(hashText(`${type} ${username}`)).padStart(10, '0');
  const name = nameFor(username);
  const shown = body.username ?? username;
  const by: Partial<Record<AccountType, () => Identity>> = {
    LINKEDIN: () => {
      const id = `ACoAA${Buffer.from(`owner:${digits}`).toString('base64url')}`;
      const params = { id, username: shown, premiumContractId: body.recruiter_contract_id ?? null };
      return { name, providerId: id, params, phone: null };
    },
    MAIL: () => {
      const { imap_host, imap_port, imap_user, imap_encryption = 'default', smtp_host, smtp_port, smtp_user } = body;
      const params = { imap_host, imap_port, imap_user, imap_encryption, smtp_host, smtp_port, smtp_user };
      return { name: username, providerId: username, params, phone: null };
    },
  };
  const other = (): Identity => {
    const id = body.id ?? `17${digits}`;
    return { name: body.email ?? name, providerId: id, params: { id, username: shown }, phone: null };
  };
  return (by[type] ?? other)();
}

/** The identity of the phone that scans. `phone`: digits with the country code. */
export function phoneIdentity(type: AccountType, phone: string): Identity {
  if (type === 'TELEGRAM') {
    const id = `7${String(hashText(phone)).padStart(10, '0')}`;
    return { name: nameFor(phone), providerId: id, params: { user_id: id, username: `user${phone.slice(-6)}` }, phone };
  }
  return { name: phone, providerId: jidOf(phone), params: { phone_number: phone }, phone };
}

/** French mobile numbers reserved for fiction: 06 39 98 and four digits. */
const FICTION = 10_000;

/** Follows from the account's id; no two accounts share one. */
export function numberFor(state: State, account: Account): string {
  const start = hashText(account.id);
  for (let n = 0; n < FICTION; n++) {
    const phone = `3363998${String((start + n) % FICTION).padStart(4, '0')}`;
    if (!state.phones.has(phone)) {
      state.phones.add(phone);
      return phone;
    }
  }
  const phone = `1555${String(1_000_000 + state.phones.size)}`;
  state.phones.add(phone);
  return phone;
}
