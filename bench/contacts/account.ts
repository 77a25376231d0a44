import type { ProviderCall } from '../../providers/provider.ts';
import type { Run } from './ours.ts';
import { until, type BenchStack } from '../stack.ts';

export interface BenchAccount {
  id: string;
  tenantId: string;
  session: string;
  /** Parameters of a provider call for this account. */
  call(): ProviderCall;
}

let numbers = 0;

/** The sandbox then drops WASender's webhooks: they would apply changes before the measured sync. */
export async function connectAccount(stack: BenchStack, size: number): Promise<BenchAccount> {
  numbers += 1;
  await stack.control('PUT', '/faults', { provider: 'wasender' });
  const { account } = await stack.api<{ account: { id: string } }>('POST', '/accounts', {
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'bench',
    credentials: { phone_number: `+3363998${String(numbers).padStart(4, '0')}` },
  });
  const read = () => stack.api<{ state: string; provider_account_id: string | null }>('GET', `/accounts/${account.id}`);
  const session = await until('a session', async () => (await read()).provider_account_id);
  await stack.control('PUT', '/address-book', { session, size: 0, seed: 0 });
  await stack.control('POST', '/scan', { session });
  await until('the account', async () => ((await read()).state === 'active' ? true : null));
  // The first sync after a connection: the address book is still empty.
  await until('its first sync', async () => {
    const { items } = await stack.api<{ items: Run[] }>('GET', `/accounts/${account.id}/syncs?kind=contacts`);
    return items[0]?.state === 'succeeded' ? true : null;
  });
  await stack.control('PUT', '/address-book', { session, size, seed: numbers });
  await stack.control('PUT', '/faults', { provider: 'wasender', webhook_drop: 1 });
  const { rows } = await stack.admin.query<{ tenant_id: string }>('select tenant_id from accounts where id = $1', [
    account.id,
  ]);
  const settings = {
    base_url: stack.settings.WASENDER_BASE_URL ?? '',
    api_token: stack.settings.WASENDER_API_TOKEN ?? '',
  };
  const apiKey = await keyOf(settings, session);
  return {
    id: account.id,
    tenantId: rows[0]?.tenant_id ?? '',
    session,
    call: () => ({
      settings,
      reach: 'any',
      channel: 'whatsapp',
      providerAccountId: session,
      keys: { apiKey },
      now: Date.now(),
    }),
  };
}

async function keyOf(settings: { base_url: string; api_token: string }, session: string): Promise<string> {
  const headers = { authorization: `Bearer ${settings.api_token}` };
  const answer = await fetch(`${settings.base_url}/whatsapp-sessions/${session}`, { headers });
  return ((await answer.json()) as { data: { api_key: string } }).data.api_key;
}
