import { z } from 'zod';
import { UnipileError } from '../errors.ts';
import type { State } from '../state.ts';
import type { Account, AccountType } from '../types.ts';

const MESSAGING: AccountType[] = ['LINKEDIN', 'WHATSAPP', 'INSTAGRAM', 'MESSENGER', 'TELEGRAM', 'TWITTER'];
const MAILING: AccountType[] = ['GOOGLE_OAUTH', 'OUTLOOK', 'MAIL'];
/** What `providers` may say as one word. */
const GROUPS: Record<string, AccountType[]> = {
  '*': [...MESSAGING, ...MAILING],
  '*:MESSAGING': MESSAGING,
  '*:MAILING': MAILING,
  '*:CALENDAR': ['GOOGLE_OAUTH', 'OUTLOOK'],
};
const NAMES = [
  'LINKEDIN',
  'WHATSAPP',
  'INSTAGRAM',
  'MESSENGER',
  'TELEGRAM',
  'GOOGLE',
  'OUTLOOK',
  'TWITTER',
  'MAIL',
] as const;

const webUrl = z.url({ protocol: /^https?$/ });
const limit = z.union([z.number().min(0), z.string()]);
const common = {
  api_url: webUrl,
  expiresOn: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'written as 2026-02-03T04:05:06.789Z'),
  name: z.string().optional(),
  success_redirect_url: webUrl.optional(),
  failure_redirect_url: webUrl.optional(),
  notify_url: webUrl.optional(),
  disabled_features: z.array(z.string()).optional(),
  sync_limit: z
    .object({
      MAILING: z.literal('NO_HISTORY_SYNC').optional(),
      MESSAGING: z.object({ chats: limit.optional(), messages: limit.optional() }).optional(),
    })
    .optional(),
};
const providers = z.union([z.enum(Object.keys(GROUPS)), z.array(z.enum(NAMES)).min(1)]);

/** The bodies of `POST /hosted/accounts/link`. */
export const createLinkBody = z.object({ ...common, type: z.literal('create'), providers });
export const reconnectLinkBody = z.object({
  ...common,
  type: z.literal('reconnect'),
  reconnect_account: z.string().min(1),
  providers: providers.optional(),
});
type LinkBody = z.infer<typeof createLinkBody> | z.infer<typeof reconnectLinkBody>;

/** One page for one login. */
export interface HostedLink {
  id: string;
  types: AccountType[];
  /** The account that is logged in again; null for a new one. */
  known: Account | null;
  expiresAt: number;
  body: LinkBody;
  /** The account of the login that runs on the page. */
  account: Account | null;
  /** Said once, on the next page. */
  problem: string | null;
  done: boolean;
}

/** What the page of a link may be for. */
export function typesOf(body: LinkBody, known: Account | null): AccountType[] {
  if (known) return [known.type];
  const { providers: named } = body;
  if (typeof named === 'string') return GROUPS[named] ?? [];
  return (named ?? []).map((name) => (name === 'GOOGLE' ? 'GOOGLE_OAUTH' : name));
}

/** When the link dies: as asked, or with the platform's daily restart where the variant has one. */
export function expiryOf(state: State, body: LinkBody): number {
  const asked = Date.parse(body.expiresOn);
  if (!state.variants.values.hosted_daily_restart) return asked;
  const restart = new Date(state.shared.clock.now());
  restart.setUTCHours(24, 0, 0, 0);
  return Math.min(asked, restart.getTime());
}

export const expiredLink = (): UnipileError =>
  new UnipileError(401, 'expired_link', 'Expired link', 'This link has expired; ask for a new one.');
