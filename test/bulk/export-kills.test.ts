import { createHash } from 'node:crypto';
import { eventually } from '../support/eventually.ts';
import { startRealStack, type RealStack } from '../support/real-stack.ts';
import { openFacts, type Facts } from '../soak/facts.ts';

const people = 3_000;
let real: RealStack;
let facts: Facts;
beforeAll(async () => {
  real = await startRealStack();
  facts = await openFacts(real.stack.describe());
  const { body } = await real.api.post('/api/v1/accounts', {
    provider: 'wasender',
    channel: 'whatsapp',
    owner: 'kim',
    credentials: { phone_number: '+33639984002' },
  });
  const { provider_account_id: session } = (await real.api.get(`/api/v1/accounts/${body.account.id}`)).body;
  await real.control.put('/address-book', { session, size: people, seed: 'export' });
  await real.control.post('/scan', { session });
  await eventually('the address book', async () => (await facts.count('contacts')) === people, 120_000);
}, 240_000);
afterAll(async () => {
  await facts?.close();
  await real?.stop();
});

it('F7: an export goes on after its worker was killed in the middle, twice, without a row twice or missing', async () => {
  const { body } = await real.api.post('/api/v1/bulk-operations', { operation: 'export' });
  const id: string = body.id;
  const written = (): Promise<number> => facts.count(`export_files where operation_id = '${id}'`);
  for (const files of [1, 6]) {
    await eventually(`${files} files`, async () => (await written()) >= files, 120_000);
    await real.kill('worker');
  }
  const state = async () => (await real.api.get(`/api/v1/bulk-operations/${id}`)).body.state;
  await eventually('the end of the export', async () => (await state()) === 'done', 240_000);
  const listed = (await real.api.get(`/api/v1/bulk-operations/${id}/files?limit=200`)).body.items;
  const lines: string[] = [];
  for (const { name, table, sha256 } of listed) {
    const answer = await fetch(new URL(`/api/v1/bulk-operations/${id}/files/${name}`, real.api.url), {
      headers: { authorization: `Bearer ${real.api.key}` },
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect([name, createHash('sha256').update(bytes).digest('hex')]).toEqual([name, sha256]);
    if (table === 'contacts') lines.push(...bytes.toString().trim().split('\n'));
  }
  const ids = new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id));
  expect([lines.length, ids.size]).toEqual([people, people]);
  expect(new Set(listed.map(({ name }: { name: string }) => name)).size).toBe(listed.length);
}, 600_000);
