import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Callbacks } from '../contract/callbacks.ts';
import { parseObject } from '../json-object.ts';
import { idIn, textIn } from '../shared/told-values.ts';

/** No request of Meta's is longer, in characters. */
const longest = 10_000;

/**
 * The field `signed_request` of a form: HMAC-SHA256 of the payload's text with the app's secret, a dot, and the payload, a JSON
 * object; both parts in base64url.
 */
export const callbacks: Callbacks = {
  settings: ['app_secret', 'instagram_app_secret'],
  read: ({ raw }, secrets, kind) => {
    const form = new URLSearchParams(raw.toString('utf8'));
    const [signature, payload, ...more] = (form.get('signed_request') ?? '').slice(0, longest).split('.');
    if (!signature || !payload || more.length) return null;
    if (!secrets.some((secret) => isSigned(payload, signature, secret))) return null;
    const told = parseObject(Buffer.from(payload, 'base64url').toString('utf8'));
    const user = idIn(told?.['user_id']);
    if (!user || textIn(told?.['algorithm'])?.toUpperCase() !== 'HMAC-SHA256') return null;
    return {
      kind,
      group: `user:${user}`,
      dedupeKey: createHash('sha256').update(payload).digest('hex'),
      subjects: [{ kind: 'id', value: user }],
    };
  },
};

function isSigned(payload: string, signature: string, secret: string): boolean {
  const right = createHmac('sha256', secret).update(payload).digest();
  const given = Buffer.from(signature, 'base64url');
  return given.length === right.length && timingSafeEqual(given, right);
}
