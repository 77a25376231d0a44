import { toE164 } from '../../domain/phone.ts';
import type { AccountView } from '../provider.ts';

interface AccountBody {
  created_at?: unknown;
  type?: string;
  sources?: { id?: string; status?: string }[] | null;
  connection_params?: { im?: Record<string, unknown>; mail?: Record<string, unknown> } | null;
}

/** The worst word of all sources decides; each of UniPile v1's source states as ours, worst first. */
const statuses: [string, AccountView['status']][] = [
  ['CREDENTIALS', 'login_lost'],
  ['PERMISSIONS', 'login_lost'],
  ['ERROR', 'halted'],
  ['STOPPED', 'halted'],
  ['CONNECTING', 'interrupted'],
];

/** What an account object of UniPile says. Tolerates missing parts; nothing of it is required but an object. */
export function viewOf(body: unknown): AccountView {
  const account = (body ?? {}) as AccountBody;
  const words = (account.sources ?? []).map((source) => source.status?.toUpperCase() || 'UNKNOWN');
  const identity = identityOf(account);
  const createdAt = typeof account.created_at === 'string' ? Date.parse(account.created_at) || null : null;
  // A word that came after this was written is no proof that the account works.
  const unknown = words.find((word) => word !== 'OK');
  const worst = statuses.find(([word]) => words.includes(word)) ?? (unknown && ([unknown, 'interrupted'] as const));
  const reported = worst?.[0] ?? words[0] ?? 'OK';
  if (!worst) return { status: words.length ? 'linked' : 'pending', reported, identity, createdAt, raw: body };
  // A login that nobody has finished looks like one in trouble, but does not know who it is.
  const unfinished = worst[1] === 'interrupted' && identity === null;
  return { status: unfinished ? 'pending' : worst[1], reported, identity, createdAt, raw: body };
}

export const gone: AccountView = { status: 'gone', reported: 'not found', identity: null, createdAt: null, raw: null };

/** Who the account is on its channel: the number, the member's id, or the mail address. */
function identityOf(account: AccountBody): string | null {
  const im = account.connection_params?.im ?? {};
  const mail = account.connection_params?.mail ?? {};
  const text = (value: unknown): string | null =>
    (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : null;
  if (account.type?.toUpperCase() === 'WHATSAPP') return toE164(text(im.phone_number));
  return (
    text(im.id) ??
    text(im.user_id) ??
    text(im.username) ??
    text(mail.username) ??
    text(mail.imap_user) ??
    text(mail.email)
  );
}
