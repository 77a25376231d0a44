import type { ApiClient } from './client.ts';
import type { TestStack } from './stack.ts';

let numbers = 0;

/** Connects a WASender account of `client`'s tenant with this address book; resolves after its first sync. */
export async function wasenderAccount(
  { control }: Pick<TestStack, 'control'>,
  client: ApiClient,
  people: object,
): Promise<{ id: string; session: string }> {
  const credentials = { phone_number: `+336399840${String((numbers += 1)).padStart(2, '0')}` };
  const body = { provider: 'wasender', channel: 'whatsapp', owner: 'maya', credentials };
  const { id } = (await client.post('/api/v1/accounts', body)).body.account;
  const session = (await client.get(`/api/v1/accounts/${id}`)).body.provider_account_id;
  await control.put('/address-book', { session, ...people });
  await control.post('/scan', { session });
  await client.account(id, 'active');
  await syncContacts(client, id);
  return { id, session };
}

/** Syncs an account's contacts; returns the run's counts. */
export async function syncContacts(client: ApiClient, accountId: string): Promise<any> {
  const { body: run } = await client.post(`/api/v1/accounts/${accountId}/syncs?wait=20`, { kind: 'contacts' });
  if (run.state !== 'succeeded') throw new Error(`the sync: ${JSON.stringify(run)}`);
  return run.stats;
}

/** Every item of a list, page by page. */
export async function everyPage(client: ApiClient, path: string, limit = 200): Promise<any[]> {
  const all: any[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const joint: string = path.includes('?') ? '&' : '?';
    const { status, body } = await client.get(`${path}${joint}limit=${limit}${cursor && `&cursor=${cursor}`}`);
    if (status !== 200) throw new Error(JSON.stringify(body));
    all.push(...body.items);
    cursor = body.next_cursor;
  }
  return all;
}
