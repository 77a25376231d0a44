import { z } from 'zod';

const seconds = z.number().positive();
const percent = z.number().min(0).max(1000);
const address = z.url({ protocol: /^https?$/ });

/** Switches for what the contract leaves open or contradicts, and for what an app's dashboard sets. The README explains each. */
export const metaVariants = z.object({
  redirect_uris: z.array(z.string()).nullable().default(null),
  other_apps: z.array(z.strictObject({ id: z.string().min(1), secret: z.string().min(1) })).default([]),
  deauthorize_url: address.nullable().default(null),
  data_deletion_url: address.nullable().default(null),
  require_proof: z.boolean().default(false),
  code_seconds: seconds.default(600),
  short_token_seconds: seconds.default(7200),
  long_token_seconds: seconds.default(5_184_000),
  system_token_seconds: seconds.nullable().default(null),
  instagram_exchange: z.enum(['data', 'flat']).default('data'),
  instagram_permissions: z.enum(['text', 'array']).default('text'),
  success_answer: z.enum(['boolean', 'text']).default('boolean'),
  error_status: z.enum(['400', 'documented']).default('400'),
  app_usage: percent.nullable().default(null),
  business_usage: z
    .strictObject({ percent, minutes: z.number().min(0).default(0), id: z.string().optional() })
    .nullable()
    .default(null),
  app_calls_per_hour: z.int().positive().nullable().default(null),
  page_calls_per_hour: z.int().positive().nullable().default(null),
  updated_time: z.enum(['iso', 'unix']).default('iso'),
  readable_messages: z.int().positive().default(20),
  page_size: z.int().positive().default(25),
  largest_page: z.int().positive().default(100),
  window_answer: z.enum(['answer', 'status']).default('answer'),
  window_seconds: seconds.default(86_400),
  whatsapp_phones: z.enum(['shown', 'absent', 'empty']).default('shown'),
  whatsapp_sent: z.boolean().default(true),
  whatsapp_delivered_seconds: z.number().min(0).nullable().default(null),
  media_url_seconds: seconds.default(300),
  webhook_url_in_media: z.boolean().default(true),
  webhook_escape: z.enum(['documented', 'all', 'none']).default('documented'),
  webhook_batch: z.int().min(1).max(1000).default(1),
  instagram_changes: z.boolean().default(false),
  instagram_signature: z.enum(['app', 'instagram']).default('app'),
  webhook_retry_base_seconds: seconds.default(0.2),
  webhook_retry_hours: z.number().min(0).default(36),
  webhook_timeout_seconds: seconds.default(5),
  unsubscribe_after_seconds: seconds.nullable().default(3600),
});
export type MetaVariants = z.infer<typeof metaVariants>;
