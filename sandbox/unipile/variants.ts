import { z } from 'zod';
import { SOURCE_STATUSES } from './types.ts';

const seconds = z.number().positive();

/** Switches for what the contract leaves open or contradicts. The README explains each. */
export const unipileVariants = z.object({
  auto_scan_seconds: seconds.nullable().default(null),
  auto_approve_seconds: seconds.nullable().default(null),
  qr_seconds: seconds.default(60),
  calendar_status: z.enum(SOURCE_STATUSES).nullable().default(null),
  attempt_seconds: seconds.default(300),
  first_sync_seconds: z.number().min(0).default(0),
  unscanned_account: z.enum(['connecting', 'not_found']).default('connecting'),
  account_status_shape: z.enum(['wrapped', 'flat']).default('wrapped'),
  account_status_reason: z.string().nullable().default(null),
  resend_answer: z.enum(['resend', 'checkpoint']).default('resend'),
  whatsapp_phone: z.enum(['digits', 'plus']).default('digits'),
  attendee_specifics: z.boolean().default(false),
  hidden_phones: z.boolean().default(false),
  lid_share: z.number().min(0).max(1).default(0.1),
  self_in_attendee_list: z.boolean().default(false),
  hosted_object: z.enum(['HostedAuthUrl', 'HostedAuthURL']).default('HostedAuthUrl'),
  hosted_link_status: z.union([z.literal(200), z.literal(201)]).default(201),
  hosted_reconnect_providers: z.enum(['optional', 'required']).default('optional'),
  hosted_redirect_account: z.boolean().default(false),
  hosted_notify_failure: z.boolean().default(false),
  hosted_notify_retries: z.int().min(0).default(5),
  hosted_daily_restart: z.boolean().default(true),
  refuses_keys: z.boolean().default(false),
  unknown_fields: z.enum(['accepted', 'refused']).default('accepted'),
  null_message_id: z.boolean().default(false),
  send_lag_seconds: z.number().min(0).default(0),
  deleted_text: z.enum(['null', 'kept']).default('null'),
  media_url_seconds: seconds.nullable().default(null),
  echo_webhook: z.boolean().default(true),
  own_read_webhook: z.boolean().default(false),
  webhook_change_time: z.enum(['change', 'message']).default('change'),
  webhook_change_body: z.enum(['whole', 'ids']).default('whole'),
  webhook_is_sender: z.boolean().default(true),
  webhook_attachments: z.enum(['array', 'object']).default('array'),
  webhook_success: z.enum(['200', '2xx']).default('200'),
  webhook_retry_base_seconds: seconds.default(0.2),
  webhook_timeout_seconds: seconds.default(30),
  rate_limit_per_minute: z.int().positive().nullable().default(null),
  retry_after_seconds: z.int().positive().nullable().default(null),
});
export type UnipileVariants = z.infer<typeof unipileVariants>;
