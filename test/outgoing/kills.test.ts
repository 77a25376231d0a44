import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connect, startTestApi, type TestApi } from '../api/support.ts';
import { required } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { testKey } from '../support/key.ts';
import { processEnv } from '../support/process-env.ts';
import { runSql } from '../support/run-sql.ts';
import { seedMessages } from '../support/seed-messages.ts';
import { changesOf, takenBy, upTo } from './fixture.ts';
import { startReceiver, type Receiver } from './receiver.ts';

let api: TestApi;
const receivers: Receiver[] = [];
const workers: Awaited<ReturnType<typeof startProcess>>[] = [];
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(async () => {
  await Promise.all(workers.map((one) => one.kill()));
  await Promise.all(receivers.map((one) => one.close()));
  await api?.stop();
});

/** A worker that delivers, in a process of its own. */
async function startProcess() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('worker-program.ts', import.meta.url))], {
    env: {
      ...processEnv,
      DATABASE_URL: api.database.url,
      TEMPORAL_ADDRESS: required('PATCHBAY_TEST_TEMPORAL_ADDRESS'),
      ENCRYPTION_KEY: testKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (output += part.toString()));
  await eventually(
    'the worker',
    async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${output}`);
      return output.includes('delivers');
    },
    120_000,
  );
  return {
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

it('two workers, one killed at any time: nothing is delivered by both within its lease, and nothing is lost', async () => {
  const { account } = await connect(api.client);
  const system = api.context.db.system;
  const chats = await system((em) =>
    seedMessages(em, account.id, (to) => Array.from({ length: 5 }, () => to.conversation({ unreadCount: 0 }).id)),
  );
  const change = (): Promise<unknown> =>
    system((em) =>
      runSql(
        em,
        'update conversations set unread_count = unread_count + 1, pinned = not pinned where id = any(?::uuid[])',
        [`{${chats.join(',')}}`],
      ),
    );
  for (let n = 0; n < 4; n += 1) {
    const receiver = await startReceiver();
    receivers.push(receiver);
    await api.client.post('/api/v1/webhook-endpoints', { url: receiver.url, types: ['conversation.updated'] });
  }
  workers.push(await startProcess(), await startProcess());
  for (let n = 0; n < 3; n += 1) await change();
  for (const receiver of receivers) await takenBy(receiver, chats, 3);
  const whole = chats.map(() => upTo(3));
  expect(receivers.map((one) => changesOf(one, chats))).toEqual(receivers.map(() => whole));
  // Nothing was killed yet: each event came once.
  expect(receivers.map(({ got }) => got.length)).toEqual(receivers.map(() => 15));
  // Requests are under way, at both workers or at one, when one dies.
  const held: (() => void)[] = [];
  for (const one of receivers)
    one.answer = (_received, response) => void held.push(() => void response.writeHead(204).end());
  await change();
  await eventually('requests that hang', async () => held.length === 4 * chats.length);
  await workers[0]!.kill();
  const leases = await system<{ leased_by: string }[]>((em) =>
    runSql(em, 'select distinct leased_by from webhook_endpoints where leased_until > now()'),
  );
  expect(leases.length).toBeGreaterThan(0);
  for (const one of receivers) one.answer = (_received, response) => void response.writeHead(204).end();
  for (const answer of held) answer();
  await change();
  // The lease of the dead one is over sooner than it would be by itself.
  await system((em) => runSql(em, 'update webhook_endpoints set leased_until = now() where leased_until is not null'));
  for (const receiver of receivers) await takenBy(receiver, chats, 5);
  expect(receivers.map((one) => changesOf(one, chats))).toEqual(receivers.map(() => chats.map(() => upTo(5))));
});
