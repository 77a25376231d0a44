import { z } from 'zod';
import { isoDate } from '../request.ts';

const text = z.string().min(1);
const port = z.coerce.number().int().min(1).max(65535);

export const DISABLED_FEATURES = [
  'linkedin_recruiter',
  'linkedin_sales_navigator',
  'linkedin_organizations_mailboxes',
] as const;

const proxy = z.object({
  protocol: z.enum(['https', 'http', 'socks5']).optional(),
  host: text,
  port,
  username: z.string().optional(),
  password: z.string().optional(),
});
const limit = z.union([z.number().min(0), isoDate]);
const common = {
  account_id: z.string().optional(),
  disabled_features: z.array(z.enum(DISABLED_FEATURES)).optional(),
  proxy: proxy.optional(),
  country: z.string().length(2).optional(),
  ip: z.string().optional(),
  user_agent: z.string().optional(),
  sync_limit: z
    .union([z.object({ chats: limit.optional(), messages: limit.optional() }), z.literal('NO_HISTORY_SYNC')])
    .optional(),
};
const password = { ...common, username: text, password: text };

const qrBody = z.object({
  ...common,
  provider: z.enum(['WHATSAPP', 'TELEGRAM']),
  pairing_phone_number: z
    .string()
    .regex(/^\d{6,15}$/, 'digits only, with the country code and without plus')
    .optional(),
});
const linkedinPassword = z.object({
  ...password,
  provider: z.literal('LINKEDIN'),
  recruiter_contract_id: z.string().optional(),
});
const linkedinCookie = z.object({
  ...common,
  provider: z.literal('LINKEDIN'),
  access_token: text,
  premium_token: z.string().optional(),
  recruiter_contract_id: z.string().optional(),
});
const instagram = z.object({ ...password, provider: z.literal('INSTAGRAM') });
const instagramSession = z.object({ ...common, provider: z.literal('INSTAGRAM'), sessionid: text });
const messenger = z.object({ ...password, provider: z.literal('MESSENGER') });
const twitter = z.object({ ...password, provider: z.literal('TWITTER'), email: z.email() });
const mail = z.object({
  ...common,
  provider: z.literal('MAIL'),
  imap_user: text,
  imap_password: text,
  imap_host: text,
  imap_port: port,
  imap_encryption: z.string().optional(),
  smtp_user: text,
  smtp_password: text,
  smtp_host: text,
  smtp_port: port,
});
const google = z.object({ ...common, provider: z.literal('GOOGLE_OAUTH'), refresh_token: text, access_token: text });
const outlook = z.object({
  ...common,
  provider: z.literal('OUTLOOK'),
  refresh_token: text,
  access_token: text,
  username: text,
  id: text,
});
const mailAgain = mail.partial().required({ provider: true, imap_password: true, smtp_password: true });

/** By provider; the first body that fits counts. */
export const CREATE_BODIES = {
  WHATSAPP: [qrBody],
  TELEGRAM: [qrBody],
  LINKEDIN: [linkedinPassword, linkedinCookie],
  INSTAGRAM: [instagram, instagramSession],
  MESSENGER: [messenger],
  TWITTER: [twitter],
  MAIL: [mail],
  GOOGLE_OAUTH: [google],
  OUTLOOK: [outlook],
} as const;

/** A mail account is reconnected with its passwords alone. */
export const RECONNECT_BODIES = { ...CREATE_BODIES, MAIL: [mail, mailAgain] } as const;

export type LoginBody = { provider: keyof typeof CREATE_BODIES } & Partial<
  Record<
    | 'username'
    | 'access_token'
    | 'sessionid'
    | 'refresh_token'
    | 'email'
    | 'id'
    | 'imap_user'
    | 'imap_host'
    | 'smtp_user'
    | 'smtp_host'
    | 'imap_encryption'
    | 'recruiter_contract_id'
    | 'pairing_phone_number',
    string
  >
> & { imap_port?: number; smtp_port?: number };
