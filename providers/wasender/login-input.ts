import { z } from 'zod';
import type { Channel } from '../../domain/channels.ts';
import { phoneHelp, readPhone, toE164 } from '../../domain/phone.ts';
import type { LoginInput } from '../provider.ts';
import type { Json } from './fields.ts';

const flags = [
  'account_protection',
  'log_messages',
  'read_incoming_messages',
  'auto_reject_calls',
  'ignore_groups',
  'ignore_channels',
  'ignore_broadcasts',
  'always_online',
] as const;
const flag = z.boolean().optional();

/** The session's options under WASender's own names; without a number a step asks for it. */
export const credentials = z.strictObject({
  phone_number: z.string().refine(readPhone).optional(),
  proxy_url: z.url({ protocol: /^(https?|socks5)$/ }).optional(),
  ...(Object.fromEntries(flags.map((name) => [name, flag])) as Record<(typeof flags)[number], typeof flag>),
});

export function validateLoginInput(_channel: Channel, input: LoginInput): string | null {
  const parsed = credentials.safeParse(input.credentials);
  if (parsed.success) return null;
  const names = new Set(
    parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || 'phone_number'],
    ),
  );
  const help = names.has('phone_number') ? ` ${phoneHelp}` : '';
  return `credentials: wrong or unknown: ${[...names].join(', ')}.${help}`;
}

/** The number to connect: the one given, else the one that the account had. E.164, or null. */
export function phoneFor({ credentials, identity }: LoginInput): string | null {
  const { phone_number: given } = credentials;
  return typeof given === 'string' ? readPhone(given) : toE164(identity);
}

/** The name that the session carries at WASender; it holds the login's reference. */
export const sessionName = ({ reference }: LoginInput): string => (reference ? `Patchbay ${reference}` : 'Patchbay');

/**
 * The body that creates a session. Messages are logged at WASender unless the caller says no: a message whose sending
 * had an unknown outcome is found there again.
 */
export const sessionBody = (input: LoginInput, phone: string): Json => ({
  account_protection: false,
  log_messages: true,
  ...input.credentials,
  name: sessionName(input),
  phone_number: phone,
});
