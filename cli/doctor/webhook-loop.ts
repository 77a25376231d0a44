import { randomUUID } from 'node:crypto';
import { secretHeaders } from '../../services/webhooks/secret-headers.ts';
import { webhookSecretsOf } from '../../db/queries/tenants/credentials.ts';
import { removeEvent } from '../../db/queries/webhooks/requests.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import type { ProviderName } from '../../domain/channels.ts';
import { errorMessage } from '../error-message.ts';
import { fail, pass, skip, type Check, type Finding } from './check.ts';
import type { Subject } from './subject.ts';

/** An event that concerns nobody, in the form of each provider whose webhooks a secret header admits. */
const harmless: Partial<Record<ProviderName, (mark: string) => object>> = {
  unipile: (mark) => ({ event: 'patchbay_doctor', mark }),
  wasender: (mark) => ({ event: 'patchbay.doctor', mark }),
};

/** An event goes out to PUBLIC_URL and must come to lie in the database; then it is removed. */
export const webhookLoop: Check = {
  name: 'webhook loop',
  needs: ['database', 'encryption'],
  otherwise: 'Start the API (npm run api) and see that PUBLIC_URL leads to it.',
  look: async (subject, signal) => {
    const db = await subject.database();
    const rowsOfInstallation = await db.system((em) => em.find(ProviderCredentials, { tenantId: null }));
    const known = rowsOfInstallation.filter(({ provider }) => Object.hasOwn(harmless, provider));
    if (!known.length) return [skip('the installation itself has no provider whose webhooks can be tried')];
    return Promise.all(
      known.map(async (row) => {
        const name = row.provider as ProviderName;
        const [secret = ''] = webhookSecretsOf(await subject.vault().keysOf(db, row.tenantId), row);
        const address = webhookAddress(subject.config().PUBLIC_URL, name, row.webhookToken);
        return { ...(await sendOne(subject, row.id, name, address, secret, signal)), of: name };
      }),
    );
  },
};

async function sendOne(
  subject: Subject,
  credentialsId: string,
  name: ProviderName,
  address: string,
  secret: string,
  signal: AbortSignal,
): Promise<Finding> {
  const body = JSON.stringify(harmless[name]?.(randomUUID()));
  const [event] = subject.providers[name]?.webhooks.read({ raw: Buffer.from(body), headers: {} }).events ?? [];
  const { origin } = new URL(address);
  const headers = { 'content-type': 'application/json', [secretHeaders[name] ?? 'x-secret']: secret };
  let status: number;
  try {
    const answer = await fetch(address, { method: 'POST', headers, body, signal, redirect: 'manual' });
    await answer.body?.cancel();
    status = answer.status;
  } catch (error) {
    return fail(
      `${origin} cannot be reached: ${signal.aborted ? 'no answer in time' : errorMessage(error)}`,
      webhookLoop.otherwise,
    );
  }
  if (status !== 200)
    return fail(
      `${origin} answered ${status}`,
      advice[status] ?? 'See that PUBLIC_URL leads to the API, with nothing before it that answers itself.',
    );
  const db = await subject.database();
  const removed = await db.system((em) => removeEvent(em, credentialsId, event?.dedupeKey ?? ''));
  return removed
    ? pass(`an event sent to ${origin} was stored, and removed again`)
    : fail(
        `${origin} took the event, but it is not in this database`,
        'PUBLIC_URL leads to an API with another DATABASE_URL: correct one of them.',
      );
}

const advice: Record<number, string> = {
  401: 'The API knows another webhook secret: see that it works on this DATABASE_URL.',
  404: 'PUBLIC_URL leads to something that does not know this installation’s webhook address: correct it.',
  503: 'The API cannot store events now: see its log and PostgreSQL.',
};
