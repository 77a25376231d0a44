import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import type { Row } from './assertions.ts';
import { openFacts, type Facts } from './facts.ts';

export interface BulkSize {
  accounts: number;
  /** Accounts that the operation asks in a minute. */
  perMinute: number;
}

/** Logins and imports at the same time. */
const atOnce = 8;
const perImport = 250;
/** How long the operation may take to come so far, in milliseconds. */
const limitMs = 1_800_000;

/**
 * Reconnects accounts in bulk. The worker is killed in the first quarter and in the third one, the operation cancelled at half and
 * taken up again.
 */
export async function bulkUnderKills(
  { accounts, perMinute }: BulkSize,
  report: (text: string) => void,
): Promise<Row[]> {
  // Webhooks go nowhere: nothing but the operation asks for an account.
  const real = await startRealStack({ PUBLIC_URL: 'http://127.0.0.1:9', RATE_LIMIT_PER_MINUTE: '1000000' });
  const facts = await openFacts(real.stack.describe());
  try {
    await lostAccounts(real, facts, accounts);
    report(`${accounts} accounts wait for their reconnection`);
    await real.control.delete('/calls');
    const { body: begun } = await real.api.post('/api/v1/bulk-operations', {
      operation: 'reconnect',
      filter: { state: 'reconnect_required' },
      per_minute: perMinute,
    });
    const id: string = begun.id;
    await asked(facts, id, accounts / 4);
    await real.kill('worker');
    report('the worker was killed in the first quarter');
    await asked(facts, id, accounts / 2);
    const cancelled = await real.api.post(`/api/v1/bulk-operations/${id}/cancel`);
    const atCancel = await countAsked(facts, id);
    await eventually(
      'the asked ones to end',
      async () => (await facts.count(`${itemsOf(id)} and state = 'asked'`)) === 0,
      limitMs,
    );
    const afterCancel = await countAsked(facts, id);
    report(`cancelled with ${atCancel} of ${accounts} asked`);
    const resumed = await real.api.post(`/api/v1/bulk-operations/${id}/resume`);
    await asked(facts, id, (accounts * 3) / 4);
    await real.kill('worker');
    report('the worker was killed in the third quarter');
    const ended = await eventually(
      'the end of the operation',
      async () => {
        const { body } = await real.api.get(`/api/v1/bulk-operations/${id}`);
        return body.state === 'done' ? body : null;
      },
      limitMs,
    );
    return [
      row('bulk: cancelled at half', '200 cancelled', `${cancelled.status} ${cancelled.body.state}`),
      row('bulk: asked while it was cancelled', '0', String(afterCancel - atCancel)),
      row('bulk: taken up again', '200', String(resumed.status)),
      row('bulk: accounts that were done', String(accounts), String(ended.counts.done)),
      row('bulk: accounts that were asked more than once', '0', String(await moreThanOnce(facts))),
      row(
        'bulk: accounts that are active',
        String(accounts),
        String(await facts.count("accounts where state = 'active'")),
      ),
      row('bulk: restarts at the provider', String(accounts), String(await restarts(real))),
    ];
  } finally {
    await facts.close();
    await real.stop();
  }
}

const row = (what: string, expected: string, found: string): Row => ({ what, expected, found, ok: found === expected });

const itemsOf = (id: string): string => `bulk_items where operation_id = '${id}'`;
const countAsked = (facts: Facts, id: string): Promise<number> => facts.count(`${itemsOf(id)} and tries > 0`);
const asked = (facts: Facts, id: string, count: number): Promise<unknown> =>
  eventually(`${count} accounts to be asked`, async () => (await countAsked(facts, id)) >= count, limitMs);

/** The import made one attempt of each account, the operation the second. */
const moreThanOnce = (facts: Facts): Promise<number> =>
  facts.count('(select account_id from connection_attempts group by account_id having count(*) > 2) more');

/** Calls that restart a login: one for each account. */
const restarts = (real: RealStack): Promise<number> => real.control.count('POST', '/api/v1/accounts/:id/restart');

/** Imports accounts whose login is lost, and that the provider can restart from then on. */
async function lostAccounts(real: RealStack, facts: Facts, count: number): Promise<void> {
  const { sandbox } = real.stack.describe();
  const upstream: string[] = [];
  await inParallel(count, async (n) => {
    const answer = await fetch(`${sandbox?.unipile_url}/api/v1/accounts`, {
      method: 'POST',
      headers: { 'x-api-key': 'sandbox-key', 'content-type': 'application/json' },
      body: JSON.stringify({ provider: 'LINKEDIN', username: `plain@bulk${n}.example`, password: 'p' }),
    });
    const { account_id: id } = (await answer.json()) as { account_id: string };
    await real.control.post('/drop', { account_id: id, status: 'CREDENTIALS' });
    upstream.push(id);
  });
  for (let from = 0; from < upstream.length; from += perImport) {
    const ids = upstream.slice(from, from + perImport);
    await real.api.post('/api/v1/accounts/import', { provider: 'unipile', owner: 'maya', provider_account_ids: ids });
  }
  const isLost = async (): Promise<boolean> =>
    (await facts.count("accounts where state = 'reconnect_required'")) === count;
  await eventually('the accounts to be lost', isLost, limitMs);
  await inParallel(count, async (n) => {
    await real.control.post('/drop', { account_id: upstream[n], status: 'ERROR' });
  });
}

async function inParallel(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
