import { z } from 'zod';
import { DISABLED_FEATURES } from '../login/bodies.ts';
import { isoDate } from '../request.ts';
import type { State } from '../state.ts';
import type { Account, AccountType, Login } from '../types.ts';

const MESSAGING: AccountType[] = ['LINKEDIN', 'WHATSAPP', 'INSTAGRAM', 'MESSENGER', 'TELEGRAM', 'TWITTER'];
const MAILING: AccountType[] = ['GOOGLE_OAUTH', 'OUTLOOK', 'MAIL'];
/** The single words that `providers` may be. */
const GROUPS: Record<string, AccountType[]> = {
  '*': [...MESSAGING, ...MAILING],
  '*:MESSAGING': MESSAGING,
  '*:MAILING': MAILING,
  '*:CALENDAR': ['GOOGLE_OAUTH', 'OUTLOOK'],
};
const WORDS = [
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
type Word = (typeof WORDS)[number];

/** Only Google's name differs. */
export const wordOf = (type: AccountType): Word => (type === 'GOOGLE_OAUTH' ? 'GOOGLE' : type);

const webUrl = z.url({ protocol: /^https?$/ });
const limit = z.union([z.number().min(0), isoDate]);
const common = {
  api_url: webUrl,
  expiresOn: isoDate,
  name: z.string().optional(),
  success_redirect_url: webUrl.optional(),
  failure_redirect_url: webUrl.optional(),
  notify_url: webUrl.optional(),
  disabled_features: z.array(z.enum(DISABLED_FEATURES)).optional(),
  sync_limit: z
    .object({
      MAILING: z.literal('NO_HISTORY_SYNC').optional(),
      MESSAGING: z.object({ chats: limit.optional(), messages: limit.optional() }).optional(),
    })
    .optional(),
};
const providers = z.union([z.enum(Object.keys(GROUPS)), z.array(z.enum(WORDS)).min(1)]);

const createBody = z.object({
  ...common,
  type: z.literal('create', { error: 'must be create or reconnect' }),
  providers,
});
const reconnectBody = z.object({
  ...common,
  type: z.literal('reconnect'),
  reconnect_account: z.string().min(1),
  providers: providers.optional(),
});
const strictReconnectBody = reconnectBody.required({ providers: true });
export type LinkBody = z.infer<typeof createBody> | z.infer<typeof reconnectBody>;

/** By its `type`. */
export function bodyFor(state: State, type: unknown): z.ZodType<LinkBody> & z.ZodObject {
  if (type !== 'reconnect') return createBody;
  return state.variants.values.hosted_reconnect_providers === 'required' ? strictReconnectBody : reconnectBody;
}

/** One page for one login. */
export interface HostedLink {
  id: string;
  /** In the page's address during a login: only a browser with it is redirected after the end. */
  visitToken: string;
  types: AccountType[];
  /** Null for a new account. */
  known: Account | null;
  /** Epoch ms. */
  expiresAt: number;
  body: LinkBody;
  state: 'open' | 'done' | 'cancelled' | 'expired';
  /** The latest login on the page; it may have lapsed. */
  attempt: { account: Account; login: Login } | null;
  attempts: number;
  connected: Account | null;
  /** Resolves when the callback has been tried. */
  notified: Promise<void>;
  redirected: boolean;
}

export function typesOf(body: LinkBody, known: Account | null): AccountType[] {
  if (known) return [known.type];
  const { providers: named } = body;
  if (typeof named === 'string') return GROUPS[named] ?? [];
  return [...new Set(named ?? [])].map((word) => (word === 'GOOGLE' ? 'GOOGLE_OAUTH' : word));
}

const DAY_MS = 86_400_000;

/** As requested, or at the daily restart. Its hour is not known; here it follows the start. */
export function expiryOf(state: State, body: LinkBody): number {
  const asked = Date.parse(body.expiresOn);
  if (!state.variants.values.hosted_daily_restart) return asked;
  const days = Math.floor((state.shared.clock.now() - state.startedAt) / DAY_MS);
  return Math.min(asked, state.startedAt + (days + 1) * DAY_MS);
}
