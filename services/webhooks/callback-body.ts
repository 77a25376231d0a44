import { createHash } from 'node:crypto';
import { z } from 'zod';
import { identityKinds } from '../../domain/identities.ts';
import { userRequestKinds } from '../../domain/user-requests.ts';
import type { WebhookEvent } from '../../domain/webhook-events.ts';
import type { UserRequest } from '../../providers/contract/callbacks.ts';

/** No provider's own body begins so. */
const mark = '{"patchbay_user_request":';
const markBytes = Buffer.from(mark);

const storedRequest = z.object({
  patchbay_user_request: z.object({
    kind: z.enum(userRequestKinds),
    group: z.string(),
    dedupeKey: z.string(),
    subjects: z.array(z.object({ kind: z.enum([...identityKinds, 'id']), value: z.string() })),
  }),
});

/** The body under which a request about a user is stored among the webhooks: without its signature, which is checked by then. */
export const bodyOfUserRequest = (request: UserRequest): Buffer => Buffer.from(`${mark}${JSON.stringify(request)}}`);

/** The event of such a body; null for any other. Throws where it is not what was stored. */
export function readUserRequest(raw: Buffer): WebhookEvent | null {
  if (!raw.subarray(0, mark.length).equals(markBytes)) return null;
  const { patchbay_user_request: request } = storedRequest.parse(JSON.parse(raw.toString('utf8')));
  const { kind, group, dedupeKey, subjects } = request;
  // The key stays longer than the body, and may hold the user's name.
  const key = createHash('sha256').update(dedupeKey).digest('base64url');
  const event = { dedupeKey: `${kind}:${key}`, providerAccountId: null, providerGroup: group, type: kind, subjects };
  return kind === 'deauthorized'
    ? { ...event, kind: 'account_status', status: 'login_lost' }
    : { ...event, kind: 'other' };
}
