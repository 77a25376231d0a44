import { z } from 'zod';
import { invalid } from './errors.ts';

/** The real service wants HTTPS; the sandbox accepts HTTP too. */
const webhookUrl = z.url({ protocol: /^https?$/ }).nullable();
const proxyUrl = z.url({ protocol: /^(https?|socks5)$/ }).nullable();

const optional = {
  webhook_url: webhookUrl.default(null),
  webhook_enabled: z.boolean().default(false),
  webhook_events: z.array(z.string()).nullable().default(null),
  read_incoming_messages: z.boolean().default(false),
  auto_reject_calls: z.boolean().default(false),
  ignore_groups: z.boolean().default(false),
  ignore_channels: z.boolean().default(false),
  ignore_broadcasts: z.boolean().default(false),
  proxy_url: proxyUrl.default(null),
  always_online: z.boolean().default(false),
};

export const sessionSettings = z.object({
  name: z.string().min(1).max(255),
  phone_number: z.string().regex(/^\+?\d{6,15}$/, 'must be a number with its country code, like +33639980001'),
  account_protection: z.boolean(),
  log_messages: z.boolean(),
  ...optional,
});
export type SessionSettings = z.infer<typeof sessionSettings>;

/** Throws 422 with the texts by field. */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const errors: Record<string, string[]> = {};
  for (const { path, message } of parsed.error.issues) (errors[path.join('.') || 'body'] ??= []).push(message);
  const [first] = Object.entries(errors);
  throw invalid(first ? `The ${first[0]} field is wrong: ${first[1][0]}` : 'The given data was invalid.', errors);
}

/** `whole`: a body that creation would take too, instead of some fields. */
export function updatedSettings(before: SessionSettings, body: unknown, whole: boolean): SessionSettings {
  const sent = (body ?? {}) as Record<string, unknown>;
  const after = whole ? parseBody(sessionSettings, sent) : parseBody(sessionSettings, { ...before, ...sent });
  return whole ? { ...before, ...Object.fromEntries(Object.entries(after).filter(([name]) => name in sent)) } : after;
}
