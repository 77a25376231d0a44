import { z } from 'zod';
import type { Channel, Method } from '../../domain/channels.ts';
import { phoneHelp, readPhone } from '../../domain/phone.ts';
import type { LoginInput } from '../provider.ts';
import { providerNames } from './ids.ts';

const options = {
  proxy: z.looseObject({ host: z.string(), port: z.number() }).optional(),
  country: z.string().optional(),
  ip: z.string().optional(),
  user_agent: z.string().optional(),
  sync_limit: z.looseObject({}).optional(),
  disabled_features: z.array(z.string()).optional(),
};
const password = z.strictObject({ username: z.string().min(1), password: z.string().min(1), ...options });

const shapes: Record<Channel, z.ZodType> = {
  whatsapp: z.strictObject({ pairing_phone_number: z.string().refine(readPhone).optional(), ...options }),
  telegram: z.strictObject(options),
  linkedin: z.union([
    password.extend({ recruiter_contract_id: z.string().optional() }),
    z.strictObject({
      access_token: z.string().min(1),
      premium_token: z.string().optional(),
      recruiter_contract_id: z.string().optional(),
      ...options,
    }),
  ]),
  instagram: z.union([password, z.strictObject({ sessionid: z.string().min(1), ...options })]),
  messenger: password,
  mail: z.strictObject({
    imap_user: z.string().min(1),
    imap_password: z.string().min(1),
    imap_host: z.string().min(1),
    imap_port: z.number().int(),
    imap_encryption: z.string().optional(),
    smtp_user: z.string().min(1),
    smtp_password: z.string().min(1),
    smtp_host: z.string().min(1),
    smtp_port: z.number().int(),
  }),
};

/** What a login takes as its credentials; nothing on a page of UniPile's own. */
export const credentialsSchema = (channel: Channel, method: Method): z.ZodType =>
  method === 'hosted' ? z.strictObject({}) : shapes[channel];

export function validateLoginInput(channel: Channel, input: LoginInput): string | null {
  const parsed = credentialsSchema(channel, input.method).safeParse(input.credentials);
  if (parsed.success) return null;
  const names = new Set(
    parsed.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || 'username and password'],
    ),
  );
  const help = names.has('pairing_phone_number') ? ` ${phoneHelp}` : '';
  return `credentials: missing, wrong or unknown: ${[...names].join(', ')}.${help}`;
}

export function loginBody(channel: Channel, input: LoginInput): Record<string, unknown> {
  const { pairing_phone_number: pairing, ...rest } = input.credentials;
  const digits = typeof pairing === 'string' ? readPhone(pairing)?.slice(1) : undefined;
  return { provider: providerNames[channel], ...rest, ...(digits ? { pairing_phone_number: digits } : {}) };
}
