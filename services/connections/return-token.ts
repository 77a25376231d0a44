import { createHmac } from 'node:crypto';
import type { Em } from '../../db/connect.ts';
import { ConnectionAttempt } from '../../db/entities/attempts.ts';
import { isOneOf } from '../../platform/constant-time.ts';
import { isId } from '../../platform/ids.ts';

/**
 * The token of the addresses at which the owner's browser returns from a login page. The provider's callback has another
 * one, which the browser never sees: this one is made from that one's stored hash, so that neither tells the other.
 */
export const returnToken = ({ id, callbackHash }: Pick<ConnectionAttempt, 'id' | 'callbackHash'>): string =>
  `${id}.${createHmac('sha256', callbackHash ?? '')
    .update('return')
    .digest('base64url')}`;

/** The attempt to which a browser returns, on whichever page its owner logged in; null for a token that is none. */
export async function attemptByReturnToken(em: Em, token: string): Promise<ConnectionAttempt | null> {
  const [id = ''] = token.split('.', 1);
  const found = isId(id) ? await em.findOne(ConnectionAttempt, { id, method: { $ne: 'oauth' } }) : null;
  return found?.callbackHash && isOneOf(token, [returnToken(found)]) ? found : null;
}
