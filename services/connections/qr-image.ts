import { ConnectionStep } from '../../db/entities/attempts.ts';
import { isOneOf } from '../../platform/constant-time.ts';
import { isId } from '../../platform/ids.ts';
import type { Keyset } from '../../platform/keyset.ts';
import type { Context } from '../context.ts';
import { contentOf } from './login/steps.ts';

/** Signed addresses change this often, in milliseconds, and are good for one to two times as long. */
const periodMs = 5 * 60_000;

const purpose = 'qr-image';
const signedText = (stepId: string, expires: string): string => `${stepId} ${expires}`;

/** The query with which a step's picture is shown without an API key, for some minutes: a page can use it in an `img`. */
export function signedQuery(keys: Keyset, stepId: string, now: Date): string {
  const expires = String((Math.floor(now.getTime() / periodMs) + 2) * (periodMs / 1000));
  const signature = keys.digest(purpose, signedText(stepId, expires));
  return new URLSearchParams({ expires, signature }).toString();
}

/** The text of a step's QR code for a signed request; null where the signature is wrong or over, or the code is gone. */
export async function signedQrText(
  { db, vault, clock }: Context,
  stepId: string,
  { expires, signature }: { expires: string; signature: string },
): Promise<string | null> {
  if (!isId(stepId) || !/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= clock.now().getTime()) return null;
  return db.system(async (em) => {
    const step = await em.findOne(ConnectionStep, { id: stepId });
    if (!step) return null;
    const keys = await vault.keysOf(em, step.tenantId);
    if (!isOneOf(signature, keys.digests(purpose, signedText(stepId, expires)))) return null;
    const content = contentOf(keys, step);
    return content?.kind === 'qr' ? content.text : null;
  });
}
