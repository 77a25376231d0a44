import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reserveFreePort } from '../../dev/parts/ports.ts';
import { project } from '../deploy/role-process.ts';
import { eventually } from '../support/eventually.ts';
import { processEnv } from '../support/process-env.ts';
import { startOutgoing, type Outgoing } from './fixture.ts';

let outgoing: Outgoing;
let folder: string;
let receiver: ChildProcess | undefined;
beforeAll(async () => {
  outgoing = await startOutgoing();
  folder = mkdtempSync(join(tmpdir(), 'patchbay-receiver-'));
});
afterAll(async () => {
  if (receiver?.exitCode === null) {
    receiver.kill();
    await once(receiver, 'close');
  }
  await outgoing?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

it('the receiver of the documentation verifies and processes each event once, as it stands', async () => {
  const page = readFileSync(join(project, 'docs/events.md'), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const block = blocks.find((text) => text.includes("'standardwebhooks'")) ?? '';
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'receiver.ts'), block);
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  const port = await reserveFreePort();
  const url = `http://127.0.0.1:${port.number}/`;
  const { body } = await outgoing.api.client.post('/api/v1/webhook-endpoints', {
    url,
    types: ['conversation.updated'],
  });
  await port.handOver();
  receiver = spawn(process.execPath, [join(folder, 'receiver.ts')], {
    env: { ...processEnv, PORT: String(port.number), PATCHBAY_WEBHOOK_SECRET: body.secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  receiver.stdout!.on('data', (part: Buffer) => (printed += part.toString()));
  await eventually('the receiver', async () => printed.includes('listening'));
  const chats = await outgoing.conversations(2);
  await outgoing.change(chats);
  const deliveries = await eventually('the deliveries', async () => {
    const found = (await outgoing.api.client.get('/api/v1/webhook-deliveries?state=delivered')).body.items;
    return found.length === 2 ? found : null;
  });
  const lines = (): string[] => printed.split('\n').filter((line) => line.startsWith('conversation.updated'));
  expect(lines().toSorted()).toEqual(deliveries.map((one: any) => `conversation.updated ${one.event_id}`).toSorted());
  // Repeats change nothing, and a forged one is refused.
  await outgoing.api.client.post(`/api/v1/webhook-endpoints/${body.id}/replay`, { state: 'all' });
  await eventually('the repeats', async () =>
    (await outgoing.api.client.get('/api/v1/webhook-deliveries?state=delivered')).body.items.every(
      ({ tried_at: at }: any, n: number) => at > deliveries[n].tried_at,
    ),
  );
  expect(lines()).toHaveLength(2);
  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
});
