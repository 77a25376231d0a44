import { z } from 'zod';

const seconds = z.number().positive();
const limit = z.int().positive().nullable();

/** What the contract leaves open or contradicts, as switches. The README explains each. */
export const wasenderVariants = z.object({
  // Pairing
  auto_scan_seconds: seconds.nullable().default(null),
  qr_seconds: seconds.default(45),
  qr_renews: z.boolean().default(false),
  link_seconds: seconds.nullable().default(null),
  passkey_seconds: seconds.default(60),
  after_disconnect: z.enum(['logged_out', 'disconnected']).default('logged_out'),
  // Spellings
  field_case: z.enum(['documented', 'snake', 'camel']).default('documented'),
  error_field: z.enum(['documented', 'message', 'error', 'both']).default('documented'),
  status_case: z.enum(['documented', 'lower', 'upper', 'mixed']).default('documented'),
  session_id_type: z.enum(['number', 'text']).default('number'),
  contact_key: z.enum(['id', 'jid', 'documented', 'both']).default('id'),
  contact_id_form: z.enum(['jid', 'digits', 'mixed']).default('jid'),
  push_name: z.enum(['notify', 'pushName', 'both']).default('notify'),
  absent_names: z.enum(['omitted', 'null', 'empty']).default('omitted'),
  clean_pn: z.enum(['cleanedSenderPn', 'cleanSenderPn']).default('cleanedSenderPn'),
  // Shapes
  status_envelope: z.enum(['bare', 'wrapped']).default('bare'),
  unpaged_shape: z.enum(['array', 'items', 'object']).default('array'),
  paged_shape: z.enum(['items', 'array', 'laravel', 'ignored']).default('items'),
  pagination_keys: z.enum(['confirmed', 'all']).default('confirmed'),
  max_page_limit: z.int().positive().default(1000),
  send_answer: z.enum(['data', 'message']).default('data'),
  block_answer: z.enum(['data', '204']).default('data'),
  list_pictures: z.boolean().default(true),
  list_lids: z.boolean().default(false),
  lid_translates: z.boolean().default(true),
  unknown_contact: z.enum(['404', 'nulls', 'success_false']).default('404'),
  first_sync_seconds: z.number().min(0).default(0),
  // Codes, credentials, plan
  error_status: z.enum(['http', '200']).default('http'),
  create_status: z.union([z.literal(200), z.literal(201)]).default(201),
  not_connected_status: z.int().min(400).max(599).default(422),
  session_key_on_pat_routes: z.enum(['refused', 'accepted']).default('refused'),
  update_body: z.enum(['changed', 'whole']).default('changed'),
  update_warning: z.string().nullable().default(null),
  subscription: z.enum(['active', 'none']).default('active'),
  session_limit: limit.default(null),
  // Limits
  plan: z.enum(['paid', 'trial']).default('paid'),
  limits: z.boolean().default(true),
  picture_per_minute: limit.default(60),
  picture_per_day: limit.default(1000),
  on_whatsapp_per_minute: limit.default(60),
  on_whatsapp_per_day: limit.default(1000),
  group_per_minute: limit.default(10),
  group_per_day: limit.default(500),
  contacts_per_minute: limit.default(null),
  other_per_minute: limit.default(null),
  concurrent_calls: limit.default(null),
  reset_unit: z.enum(['epoch', 'seconds']).default('epoch'),
  retry_after: z.enum(['body', 'header', 'both', 'none']).default('body'),
  retry_after_unit: z.enum(['seconds', 'epoch']).default('seconds'),
  // Messages
  send_seconds: z.number().min(0).default(0),
  change_seconds: seconds.default(900),
  // Pictures and media
  picture_url_seconds: seconds.nullable().default(null),
  // Webhooks
  webhook_timestamp: z.enum(['documented', 'seconds', 'milliseconds', 'none']).default('documented'),
  webhook_session_id: z.enum(['documented', 'all', 'none']).default('documented'),
  session_status_id: z.boolean().default(false),
  upsert_messages: z.enum(['array', 'object']).default('array'),
  upsert_repeats: z.boolean().default(true),
  update_shape: z.enum(['object', 'array']).default('object'),
  update_status: z.enum(['numbers', 'words']).default('numbers'),
  contacts_shape: z.enum(['array', 'object']).default('array'),
  message_names: z.boolean().default(true),
  echo_webhook: z.boolean().default(true),
  webhook_retries: z.int().min(0).max(10).default(3),
  webhook_retry_base_seconds: seconds.default(0.2),
  webhook_timeout_seconds: seconds.default(30),
});
export type WasenderVariants = z.infer<typeof wasenderVariants>;
