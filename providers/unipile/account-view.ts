import { toE164 } from '../../domain/phone.ts';
import type { AccountView } from '../provider.ts';
import { decidingSources, madeAt, param, readAccount, type UnipileAccount } from './account-object.ts';

/** The worst word of all sources decides; each of UniPile v1's source states as ours, worst first. */
const statuses: [string, AccountView['status']][] = [
  ['CREDENTIALS', 'login_lost'],
  ['PERMISSIONS', 'login_lost'],
  ['ERROR', 'needs_restart'],
  ['STOPPED', 'needs_restart'],
  ['CONNECTING', 'degraded'],
];

/** What an account object of UniPile says. Tolerates missing parts and parts of another kind. */
export function viewOf(body: unknown): AccountView {
  const account = readAccount(body);
  const words = decidingSources(account).map(({ status }) => status ?? 'UNKNOWN');
  const seen = { identity: identityOf(account), createdAt: madeAt(account), raw: body };
  // An account without sources has nothing running yet.
  if (words.length === 0) return { status: 'pending', reported: 'UNKNOWN', ...seen };
  // A new word of UniPile's is no proof that the account works.
  const unknown = words.find((word) => word !== 'OK');
  if (!unknown) return { status: 'linked', reported: 'OK', ...seen };
  const [reported, status] = statuses.find(([word]) => words.includes(word)) ?? [unknown, 'degraded' as const];
  // An unfinished login looks like one in trouble, but has no identity yet.
  const unfinished = status === 'degraded' && seen.identity === null;
  return { status: unfinished ? 'pending' : status, reported, ...seen };
}

/** The account's identity on its channel: the number, the member's id, or the mail address. */
function identityOf({ type, connection_params: { im, mail } }: UnipileAccount): string | null {
  if (type === 'WHATSAPP') return toE164(param(im, 'phone_number'));
  const member = param(im, 'id') ?? param(im, 'user_id') ?? param(im, 'username');
  const address = param(mail, 'username') ?? param(mail, 'imap_user') ?? param(mail, 'email');
  // Mail servers do not tell capitals apart, and people type them as they like.
  return member ?? address?.toLowerCase() ?? null;
}
