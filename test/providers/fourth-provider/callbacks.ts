import { createHmac } from 'node:crypto';
import type { Callbacks } from '../../../providers/contract/callbacks.ts';

const signatureOf = (payload: string, secret: string): string =>
  createHmac('sha256', secret).update(payload).digest('base64url');

/** What Pagelink posts: one field with a signature over the payload's text, a dot, and the payload. */
export function signedForm(user: string, secret: string, issuedAt = Date.now()): URLSearchParams {
  const payload = Buffer.from(JSON.stringify({ user_id: user, issued_at: issuedAt })).toString('base64url');
  return new URLSearchParams({ signed: `${signatureOf(payload, secret)}.${payload}` });
}

export const callbacks: Callbacks = {
  settings: ['app_secret'],
  read: ({ raw }, secrets, kind) => {
    const [signature = '', payload = ''] = (new URLSearchParams(raw.toString('utf8')).get('signed') ?? '').split('.');
    if (!secrets.some((secret) => signature === signatureOf(payload, secret))) return null;
    const { user_id: user } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { user_id: string };
    return { kind, group: `user:${user}`, dedupeKey: payload, subjects: [{ kind: 'id', value: user }] };
  },
};
