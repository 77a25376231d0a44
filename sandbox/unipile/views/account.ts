import { MAIL_TYPES, type Account, type AccountType } from '../types.ts';
import type { UnipileVariants } from '../variants.ts';

/** `connection_params` while nobody knows yet who logs in: the fields are there, and empty. */
const UNKNOWN_PARAMS: Record<AccountType, Record<string, unknown>> = {
  WHATSAPP: { phone_number: '' },
  TELEGRAM: { user_id: '', username: '' },
  LINKEDIN: { id: '', username: '', premiumContractId: null },
  INSTAGRAM: { id: '', username: '' },
  MESSENGER: { id: '', username: '' },
  TWITTER: { id: '', username: '' },
  MAIL: { imap_host: '', imap_port: 0, imap_user: '', smtp_host: '', smtp_port: 0, smtp_user: '' },
  GOOGLE_OAUTH: { id: '', username: '' },
  OUTLOOK: { id: '', username: '' },
};

export const isMail = (type: AccountType): boolean => (MAIL_TYPES as readonly string[]).includes(type);

export function accountView(account: Account, variants: UnipileVariants): object {
  const mail = isMail(account.type);
  const params = { ...(account.identity?.params ?? UNKNOWN_PARAMS[account.type]) };
  const phone = account.identity?.phone;
  if (account.type === 'WHATSAPP' && variants.whatsapp_phone === 'plus' && phone) params['phone_number'] = `+${phone}`;
  return {
    object: 'Account',
    type: account.type,
    id: account.id,
    name: account.identity?.name ?? '',
    created_at: new Date(account.createdAt).toISOString(),
    connection_params: { [mail ? 'mail' : 'im']: params },
    groups: [],
    sources: [{ id: `${account.id}_${mail ? 'MAILS' : 'MESSAGING'}`, status: account.status }],
    ...(mail && { signatures: [] }),
  };
}
