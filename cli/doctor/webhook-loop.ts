import { randomUUID } from 'node:crypto';
import { webhookProofSecrets } from '../../services/webhooks/find-sender.ts';
import { removeEvent } from '../../db/queries/webhooks/requests.ts';
import { proofOf } from '../../services/webhooks/proof.ts';
import { ProviderCredentials } from '../../db/entities/tenants.ts';
import { webhookAddress } from '../../domain/addresses.ts';
import type { Provider } from '../../providers/provider.ts';
import { errorMessage } from '../error-message.ts';
import { fail, pass, skip, type Check, type Finding } from './check.ts';
import type { Subject } from './subject.ts';

/** An event goes out to PUBLIC_URL and must come to lie in the database; then it is removed. */
export const webhookLoop: Check = {
  name: 'webhook loop',
  needs: ['database', 'encryption'],
  otherwise: 'Start the API (npm run api) and see that PUBLIC_URL leads to it.',
  look: async (subject, signal) => {
    const db = await subject.database();
    const rowsOfInstallation = await db.system((em) => em.find(ProviderCredentials, { tenantId: null }));
    const known = rowsOfInstallation.flatMap((row) => {
      const provider = subject.providers[row.provider];
      return provider ? [{ row, provider }] : [];
    });
    if (!known.length) return [skip('the installation itself has no provider whose webhooks can be tried')];
    return Promise.all(
      known.map(async ({ row, provider }) => {
        const [secret = ''] = webhookProofSecrets(await subject.vault().keysOf(db, row.tenantId), provider, row);
        const address = webhookAddress(subject.config().PUBLIC_URL, provider.name, row.webhookToken);
        return { ...(await sendOne(subject, row.id, provider, address, secret, signal)), of: provider.name };
      }),
    );
  },
};

async function sendOne(
  subject: Subject,
  credentialsId: string,
  { webhooks }: Provider,
  address: string,
  secret: string,
  signal: AbortSignal,
): Promise<Finding> {
  const body = JSON.stringify(webhooks.selfTest(randomUUID()));
  const raw = Buffer.from(body);
  const [event] = webhooks.read({ raw, headers: {} }).events ?? [];
  const { origin } = new URL(address);
  const headers = { 'content-type': 'application/json', [webhooks.header]: proofOf(webhooks, raw, secret) };
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
