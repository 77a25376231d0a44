import { z } from 'zod';
import type { Channel, Method } from '../../domain/channels.ts';
import type { LoginInput } from '../provider.ts';
import type { GraphHost } from './ids.ts';

const token = z.string().regex(/^[\x21-\x7e]{1,2000}$/, 'must be an access token');
const id = z.string().regex(/^\d{1,64}$/, 'must be the digits of an id');

const choose = z.enum(['ask', 'first']).optional();
const facebookLogin = z.strictObject({ login: z.literal('facebook').optional(), choose });
const anyLogin = z.strictObject({ login: z.enum(['facebook', 'instagram']).optional(), choose });
const withToken = z.strictObject({ access_token: token, choose });
const withNumber = z.strictObject({
  access_token: token.optional(),
  business_account_id: id.optional(),
  phone_number_id: id.optional(),
  choose,
});

/** What a login takes as its credentials. */
export function credentialsSchema(channel: Channel, method: Method): z.ZodType {
  if (channel === 'whatsapp') return withNumber;
  if (method === 'token') return withToken;
  return channel === 'instagram' ? anyLogin : facebookLogin;
}

export function validateLoginInput(channel: Channel, { method, credentials }: LoginInput): string | null {
  const parsed = credentialsSchema(channel, method).safeParse(credentials);
  if (parsed.success) return null;
  const names = new Set(
    parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || 'access_token'],
    ),
  );
  return `credentials: missing, wrong or unknown: ${[...names].join(', ')}.`;
}

/** Which login page an owner is sent to. */
export const loginHost = ({ credentials }: Pick<LoginInput, 'credentials'>): GraphHost =>
  credentials['login'] === 'instagram' ? 'instagram' : 'facebook';

/** Whether the first of several accounts is taken; else the owner chooses. */
export const takesFirst = (input: Pick<LoginInput, 'credentials'> | undefined): boolean =>
  input?.credentials['choose'] === 'first';
