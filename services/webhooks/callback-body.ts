import { createHash } from 'node:crypto';
import type { WebhookEvent } from '../../domain/webhook-events.ts';
import type { UserRequest } from '../../providers/contract/callbacks.ts';

/** No provider's own body begins so. */
const mark = '{"patchbay_user_request":';

/** The body under which a request about a user is stored among the webhooks: without its signature, which is checked by then. */
export const bodyOfUserRequest = (request: UserRequest): Buffer => Buffer.from(`${mark}${JSON.stringify(request)}}`);

/** The event of such a body; null for any other. */
export function readUserRequest(raw: Buffer): WebhookEvent | null {
  if (!raw.subarray(0, mark.length).equals(Buffer.from(mark))) return null;
  const { kind, group, dedupeKey, subjects } = (
    JSON.parse(raw.toString('utf8')) as { patchbay_user_request: UserRequest }
  ).patchbay_user_request;
  // The key stays longer than the body, and may hold the user's name.
  const key = createHash('sha256').update(dedupeKey).digest('base64url');
  const event = { dedupeKey: `${kind}:${key}`, providerAccountId: null, providerGroup: group, type: kind, subjects };
  return kind === 'deauthorized'
    ? { ...event, kind: 'account_status', status: 'login_lost' }
    : { ...event, kind: 'other' };
}
